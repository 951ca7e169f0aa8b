// Running the preparations of a lowered graph that nobody ran before.
#pragma once

#include <array>

#include "device/vulkan/prepared_store.hpp"

namespace troupe::vulkan {

/// First `plan`, then `run` unless `empty`. Refers to the lowered graph, which must outlive it.
class preparation {
public:
  preparation(const lowered_graph& work, std::uint64_t alignment) : work_(work), alignment_(alignment) {}

  /// Finds out what is prepared already and enters it in `memory`. What depends on constants of the whole program is
  /// kept in `of_program`, the rest in `of_shape`.
  void plan(const std::function<bool(value_id)>& is_of_program, const prepared_store& of_program,
            const prepared_store& of_shape, memory_map& memory);
  bool empty() const noexcept { return missing_.empty(); }

  /// Submits the rest; the constants it reads must be in `memory`, and what it makes is entered there and kept. Does
  /// not wait: work submitted later finds the results.
  result<serial> run(gpu& owner, const pipeline_set& pipelines, prepared_store& of_program, prepared_store& of_shape,
                     memory_map& memory);

private:
  /// Memory to be made for one of the two stores.
  struct block {
    std::uint64_t bytes = 0;
    std::map<std::string, std::uint64_t> offsets;
  };
  struct destination {
    std::uint32_t slot;
    std::size_t block;
    std::string key;
  };
  std::uint64_t padded(std::uint32_t slot) const noexcept;
  result<serial> submit(gpu& owner, const pipeline_set& pipelines, const memory_map& memory) const;

  const lowered_graph& work_;
  std::uint64_t alignment_;
  std::vector<const dispatch*> missing_;
  std::vector<destination> destinations_;
  std::array<block, 2> blocks_;  ///< of the program, of the shape
};

}  // namespace troupe::vulkan
