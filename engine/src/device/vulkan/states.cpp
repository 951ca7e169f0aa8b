#include "device/vulkan/states.hpp"

#include <cstring>

#include "device/vulkan/commands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

result<void> fill_with_zeros(gpu& owner, const buffer& target) {
  if (const auto bytes = target.mapped(); !bytes.empty()) {
    std::memset(bytes.data(), 0, bytes.size());
    return {};
  }
  // The pool may die before the device is done: retired objects wait for it.
  TROUPE_TRY(const auto pool, make_command_pool(owner));
  TROUPE_TRY(const auto buffers, make_command_buffers(owner, pool.get(), 1));
  TROUPE_CHECK(begin(owner, buffers.front(), true));
  vkCmdFillBuffer(buffers.front(), target.handle(), 0, VK_WHOLE_SIZE, 0);
  record_barrier(buffers.front(), barrier_scope::device);
  TROUPE_CHECK(end(owner, buffers.front()));
  TROUPE_CHECK(owner.submit(buffers.front()));
  return {};
}

}  // namespace

result<memory_region> state_store::place(value_id id, std::uint64_t bytes, std::string_view name) {
  const std::uint64_t alignment = memory_alignment(*owner_);
  const std::uint64_t padded = (bytes + alignment - 1) / alignment * alignment;
  auto known = held_.find(id);
  if (known == held_.end()) {
    TROUPE_TRY(buffer made, buffer::make(*owner_, padded, buffer_use::storage, fmt::format("the state \"{}\"", name)));
    TROUPE_CHECK(fill_with_zeros(*owner_, made));
    known = held_.emplace(id, std::move(made)).first;
  }
  return memory_region{known->second.handle(), 0, padded};
}

std::uint64_t state_store::bytes() const noexcept {
  std::uint64_t total = 0;
  for (const auto& [id, held] : held_) total += held.size();
  return total;
}

}  // namespace troupe::vulkan
