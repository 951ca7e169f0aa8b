#include "wire/message_assembler.hpp"

#include <cassert>
#include <utility>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {

result<void> message_assembler::open(std::span<const std::byte> payload) {
  if (open_) return fail(errc::invalid_argument, "a message begins before the one before it has ended");
  if (payload.size() < 8) return fail(errc::invalid_argument, "a message begins with {} bytes only", payload.size());
  const auto head_bytes = load<std::uint32_t>(payload, 0);
  const auto attachments = load<std::uint32_t>(payload, 4);
  if (head_bytes == 0 || head_bytes > limits::head_bytes_max)
    return fail(errc::invalid_argument, "a message announces a head of {} bytes; 1 to {} are allowed", head_bytes,
                limits::head_bytes_max);
  if (attachments > limits::attachments_max)
    return fail(errc::invalid_argument, "a message announces {} attachments; at most {} are allowed", attachments,
                limits::attachments_max);
  const std::size_t prologue_bytes = 8 + std::size_t{8} * attachments;
  if (payload.size() < prologue_bytes)
    return fail(errc::invalid_argument, "the frame that begins a message has {} of the {} bytes of its prologue",
                payload.size(), prologue_bytes);

  const std::uint64_t allowed = lane_ == lane::control ? limits::control_message_bytes_max : limits::message_bytes_max;
  std::uint64_t left = allowed;
  const auto claim = [&](std::uint64_t bytes) -> result<void> {
    if (bytes > left)
      return fail(errc::invalid_argument, "a message announces more than the {} bytes that its lane allows", allowed);
    left -= bytes;
    sizes_.push_back(static_cast<std::size_t>(bytes));
    return {};
  };
  sizes_.clear();
  sizes_.reserve(1 + attachments);
  TROUPE_CHECK(claim(head_bytes));
  for (std::size_t i = 0; i < attachments; ++i) {
    const auto bytes = load<std::uint64_t>(payload, 8 + 8 * i);
    if (bytes == 0) return fail(errc::invalid_argument, "attachment {} of a message is empty", i);
    TROUPE_CHECK(claim(bytes));
  }
  open_ = true;
  piece_ = 0;
  buffer_ = growing_buffer(sizes_.front());
  message_.lane = lane_;
  message_.attachments.reserve(attachments);
  return append(payload.subspan(prologue_bytes));
}

result<void> message_assembler::append(std::span<const std::byte> payload) {
  if (!open_) return fail(errc::invalid_argument, "a frame continues a message that has not begun");
  while (!payload.empty()) {
    if (complete()) return fail(errc::invalid_argument, "a message is longer than it announced");
    const std::size_t count = std::min(payload.size(), buffer_.missing());
    TROUPE_TRY(const auto room, buffer_.room(count));
    std::memcpy(room.data(), payload.data(), count);
    commit(count);
    payload = payload.subspan(count);
  }
  return {};
}

result<std::span<std::byte>> message_assembler::direct_room(std::size_t count) {
  if (!open_ || complete() || count == 0 || count > buffer_.missing()) return std::span<std::byte>();
  return buffer_.room(count);
}

void message_assembler::commit(std::size_t count) {
  buffer_.commit(count);
  if (buffer_.missing() > 0) return;
  if (piece_ == 0) {
    message_.head = buffer_.take();
  } else {
    message_.attachments.push_back(buffer_.take());
  }
  if (++piece_ < sizes_.size()) buffer_ = growing_buffer(sizes_[piece_]);
}

incoming_message message_assembler::take() {
  assert(complete());
  open_ = false;
  return std::exchange(message_, {});
}

}  // namespace troupe::wire
