// Constants of a graph in device memory.
#pragma once

#include <map>

#include "device/lowering/lowered_graph.hpp"
#include "device/vulkan/buffer.hpp"

namespace troupe::vulkan {

/// Part of a buffer that holds one value.
struct memory_region {
  VkBuffer buffer = VK_NULL_HANDLE;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  ///< padded: kernels may touch all of it
};

/// Sizes and offsets in device memory are multiples of this: what the device asks for, and whole 16-byte words, so that
/// a kernel may load the last elements of a tensor as part of a vector.
std::uint64_t memory_alignment(const gpu& owner);

/// Writes constants to device memory once, in the form that kernels read. Must not outlive its `gpu`.
class weight_store {
public:
  explicit weight_store(std::shared_ptr<gpu> owner) : owner_(std::move(owner)) {}

  /// One constant to store: its key within this store, its slot's size, its contents, and how they lie in memory.
  struct item {
    value_id id;
    std::uint64_t bytes;
    const tensor* contents;
    std::string_view name;
    storage_kind kind = storage_kind::activation;
  };
  /// Stores items that are not there yet. Waits for the device no longer than `deadline`.
  result<void> add(std::span<const item> items, dtype storage, time_point deadline, const cancellation& cancel);

  /// Nullptr for a value that is not stored.
  const memory_region* find(value_id id) const;
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  struct placement {
    item what;
    std::uint64_t offset;
  };
  result<void> add_block(std::span<const placement> block, std::uint64_t bytes, dtype storage, time_point deadline,
                         const cancellation& cancel);
  result<void> write(const buffer& target, std::span<const placement> block, dtype storage, time_point deadline,
                     const cancellation& cancel);

  std::shared_ptr<gpu> owner_;
  std::vector<buffer> blocks_;
  std::map<value_id, memory_region> regions_;
  std::uint64_t bytes_ = 0;
};

}  // namespace troupe::vulkan
