#include "device/vulkan/weights.hpp"

#include <algorithm>
#include <cstring>

#include "device/lowering/storage_format.hpp"
#include "device/vulkan/upload.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

/// Blocks are cut at this size or at the device's limit: many drivers handle several large allocations better than one
/// huge one.
constexpr std::uint64_t block_bytes_wanted = std::uint64_t{1} << 30;

std::uint64_t padded(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// `place` is longer than the elements: the padding, too, gets defined contents.
result<void> write_padded(const weight_store::item& what, dtype storage, std::span<std::byte> place) {
  const auto padding = place.subspan(what.bytes);
  if (!padding.empty()) std::memset(padding.data(), 0, padding.size());
  return write_storage(*what.contents, what.kind, storage, place.first(what.bytes), what.name);
}

}  // namespace

std::uint64_t memory_alignment(const gpu& owner) {
  const VkPhysicalDeviceLimits& limits = owner.properties().limits;
  return std::max<std::uint64_t>({limits.minStorageBufferOffsetAlignment, limits.minTexelBufferOffsetAlignment, 16});
}

result<void> weight_store::add(std::span<const item> items, dtype storage, time_point deadline,
                               const cancellation& cancel) {
  const std::uint64_t alignment = memory_alignment(*owner_);
  const std::uint64_t block_max = std::min(block_bytes_wanted, owner_->properties().info.allocation_bytes_max);
  std::vector<placement> block;
  std::uint64_t used = 0;
  for (const item& what : items) {
    if (regions_.count(what.id)) continue;
    const std::uint64_t bytes = padded(what.bytes, alignment);
    if (!block.empty() && used + bytes > block_max) {
      TROUPE_CHECK(add_block(block, used, storage, deadline, cancel));
      block.clear();
      used = 0;
    }
    block.push_back({what, used});
    used += bytes;
  }
  return block.empty() ? result<void>() : add_block(block, used, storage, deadline, cancel);
}

result<void> weight_store::add_block(std::span<const placement> block, std::uint64_t bytes, dtype storage,
                                     time_point deadline, const cancellation& cancel) {
  TROUPE_TRY(buffer target, buffer::make(*owner_, bytes, buffer_use::storage, "the weights"));
  TROUPE_CHECK(write(target, block, storage, deadline, cancel));
  const std::uint64_t alignment = memory_alignment(*owner_);
  for (const placement& placed : block)
    regions_[placed.what.id] = {target.handle(), placed.offset, padded(placed.what.bytes, alignment)};
  bytes_ += bytes;
  blocks_.push_back(std::move(target));
  return {};
}

result<void> weight_store::write(const buffer& target, std::span<const placement> block, dtype storage,
                                 time_point deadline, const cancellation& cancel) {
  const std::uint64_t alignment = memory_alignment(*owner_);
  if (!target.mapped().empty()) {
    for (const placement& placed : block) {
      const auto place = target.mapped().subspan(placed.offset, padded(placed.what.bytes, alignment));
      TROUPE_CHECK(write_padded(placed.what, storage, place));
    }
    return {};
  }
  std::uint64_t largest = 0;
  for (const placement& placed : block) largest = std::max(largest, placed.what.bytes);
  TROUPE_TRY(uploader through, uploader::make(owner_, padded(largest, alignment)));
  std::vector<std::byte> bytes;
  for (const placement& placed : block) {
    bytes.resize(padded(placed.what.bytes, alignment));
    TROUPE_CHECK(write_padded(placed.what, storage, bytes));
    TROUPE_CHECK(through.write(target.handle(), placed.offset, bytes, deadline, cancel));
  }
  return {};
}

const memory_region* weight_store::find(value_id id) const {
  const auto found = regions_.find(id);
  return found == regions_.end() ? nullptr : &found->second;
}

}  // namespace troupe::vulkan
