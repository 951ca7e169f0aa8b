#include "device/vulkan/upload.hpp"

#include <algorithm>
#include <cstring>

#include "device/vulkan/commands.hpp"

namespace troupe::vulkan {
namespace {

constexpr std::uint64_t staging_bytes_max = std::uint64_t{8} << 20;

}  // namespace

result<uploader> uploader::make(std::shared_ptr<gpu> owner, std::uint64_t bytes_max) {
  uploader made(std::move(owner));
  gpu& device = *made.owner_;
  TROUPE_TRY(made.pool_, make_command_pool(device));
  TROUPE_TRY(const auto commands, make_command_buffers(device, made.pool_.get(), made.halves_.size()));
  const std::uint64_t bytes = std::min(std::max<std::uint64_t>(bytes_max, 4), staging_bytes_max);
  for (std::size_t i = 0; i < made.halves_.size(); ++i) {
    TROUPE_TRY(made.halves_[i].staging, buffer::make(device, bytes, buffer_use::staging, "the copies of weights"));
    made.halves_[i].commands = commands[i];
  }
  return made;
}

result<void> uploader::write(VkBuffer target, std::uint64_t offset, std::span<const std::byte> data,
                             time_point deadline, const cancellation& cancel) {
  while (!data.empty()) {
    half& through = halves_[next_++ % halves_.size()];
    TROUPE_CHECK(owner_->wait(through.last_use, deadline, cancel));
    const auto piece = data.first(std::min<std::size_t>(data.size(), through.staging.mapped().size()));
    std::memcpy(through.staging.mapped().data(), piece.data(), piece.size());
    TROUPE_CHECK(send(through, target, offset, piece.size()));
    offset += piece.size();
    data = data.subspan(piece.size());
  }
  return {};
}

result<void> uploader::send(half& through, VkBuffer target, std::uint64_t offset, std::uint64_t bytes) {
  TROUPE_CHECK(begin(*owner_, through.commands, true));
  const VkBufferCopy region{0, offset, bytes};
  vkCmdCopyBuffer(through.commands, through.staging.handle(), target, 1, &region);
  record_barrier(through.commands, barrier_scope::device);  // later submissions read it without a barrier of their own
  TROUPE_CHECK(end(*owner_, through.commands));
  TROUPE_TRY(through.last_use, owner_->submit(through.commands));
  return {};
}

}  // namespace troupe::vulkan
