#include "device/vulkan/upload.hpp"

#include <algorithm>
#include <cstring>

#include "device/vulkan/commands.hpp"

namespace troupe::vulkan {
namespace {

constexpr std::uint64_t staging_bytes_max = std::uint64_t{16} << 20;

}  // namespace

result<uploader> uploader::make(std::shared_ptr<gpu> owner, std::uint64_t bytes_max) {
  uploader made(std::move(owner));
  gpu& device = *made.owner_;
  TROUPE_TRY(made.staging_, buffer::make(device, std::min(std::max<std::uint64_t>(bytes_max, 4), staging_bytes_max),
                                         buffer_use::staging, "the copies of weights"));
  TROUPE_TRY(made.pool_, make_command_pool(device));
  TROUPE_TRY(const auto commands, make_command_buffers(device, made.pool_.get(), 1));
  made.commands_ = commands.front();
  return made;
}

result<void> uploader::write(VkBuffer target, std::uint64_t offset, std::span<const std::byte> data,
                             time_point deadline, const cancellation& cancel) {
  while (!data.empty()) {
    const auto piece = data.first(std::min<std::size_t>(data.size(), staging_.mapped().size()));
    std::memcpy(staging_.mapped().data(), piece.data(), piece.size());
    TROUPE_CHECK(copy(target, offset, piece.size(), deadline, cancel));
    offset += piece.size();
    data = data.subspan(piece.size());
  }
  return {};
}

result<void> uploader::copy(VkBuffer target, std::uint64_t offset, std::uint64_t bytes, time_point deadline,
                            const cancellation& cancel) {
  TROUPE_CHECK(begin(*owner_, commands_, true));
  const VkBufferCopy region{0, offset, bytes};
  vkCmdCopyBuffer(commands_, staging_.handle(), target, 1, &region);
  record_barrier(commands_, barrier_scope::device);  // later submissions read it without a barrier of their own
  TROUPE_CHECK(end(*owner_, commands_));
  TROUPE_TRY(const serial done, owner_->submit(commands_));
  return owner_->wait(done, deadline, cancel);
}

}  // namespace troupe::vulkan
