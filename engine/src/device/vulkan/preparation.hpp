// Running the preparations of a lowered graph that nobody ran before, in batches: only a few of the constants that they
// read are in device memory at a time.
#pragma once

#include <array>

#include "device/vulkan/prepared_store.hpp"

namespace troupe::vulkan {

/// First `plan`; unless `empty`, then `allocate`, `submit` for each of the `batches` in order, and `keep`. Refers to
/// the lowered graph, which must outlive it.
class preparation {
public:
  preparation(const lowered_graph& work, std::uint64_t alignment) : work_(work), alignment_(alignment) {}

  /// Finds out what is prepared already and enters it in `memory`. What depends on constants of the whole program is
  /// kept in `of_program`, the rest in `of_shape`.
  void plan(const std::function<bool(value_id)>& is_of_program, const prepared_store& of_program,
            const prepared_store& of_shape, memory_map& memory);
  bool empty() const noexcept { return missing_.empty(); }

  /// Makes memory for all that is missing and enters it in `memory`.
  result<void> allocate(gpu& owner, memory_map& memory);

  /// Some preparations, and the constants that must be in the memory map before they are submitted.
  struct batch {
    std::size_t first, last;
    std::vector<value_id> constants;  ///< of `lowered_graph::preparation_constants`
  };
  /// Each has constants of at most `source_bytes_max` in all, or a single preparation.
  std::vector<batch> batches(std::uint64_t source_bytes_max) const;
  /// Does not wait: work submitted later finds the results.
  result<serial> submit(gpu& owner, const pipeline_set& pipelines, const memory_map& memory, const batch& part) const;

  /// Hands over what was made; only when everything has been submitted.
  void keep(prepared_store& of_program, prepared_store& of_shape);

private:
  struct place {
    std::size_t buffer;
    std::uint64_t offset;
  };
  /// Memory to be made for one of the two stores, in buffers that devices can allocate.
  struct block {
    std::vector<std::uint64_t> sizes;
    std::map<std::string, place> places;
    std::vector<buffer> made;
    std::map<std::string, memory_region> regions;

    /// Room for `bytes` more under `key`; false when there is some already.
    bool reserve(const std::string& key, std::uint64_t bytes);
  };
  struct destination {
    std::uint32_t slot;
    std::size_t block;
    std::string key;
  };
  std::uint64_t padded(std::uint32_t slot) const noexcept;

  const lowered_graph& work_;
  std::uint64_t alignment_;
  std::vector<const dispatch*> missing_;
  std::vector<destination> destinations_;
  std::array<block, 2> blocks_;  ///< of the program, of the shape
};

}  // namespace troupe::vulkan
