#include "wire/admission.hpp"

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {

result<void> check_message(const outgoing_message& message) {
  if (message.head.size == 0) return fail(errc::invalid_argument, "a message without a head cannot be sent");
  if (message.head.size > limits::head_bytes_max)
    return fail(errc::invalid_argument, "a message's head has {} bytes; at most {} are allowed", message.head.size,
                limits::head_bytes_max);
  if (message.attachments.size() > limits::attachments_max)
    return fail(errc::invalid_argument, "a message has {} attachments; at most {} are allowed",
                message.attachments.size(), limits::attachments_max);
  const std::size_t allowed =
      message.lane == lane::control ? limits::control_message_bytes_max : limits::message_bytes_max;
  std::size_t left = allowed;
  const auto claim = [&](std::size_t bytes) {
    const bool fits = bytes <= left;
    if (fits) left -= bytes;
    return fits;
  };
  bool fits = claim(message.head.size);
  for (const blob& part : message.attachments) {
    if (part.size == 0) return fail(errc::invalid_argument, "an empty attachment cannot be sent");
    fits = fits && claim(part.size);
  }
  if (!fits)
    return fail(errc::invalid_argument, "a message has more than the {} bytes that its lane allows; split it", allowed);
  return {};
}

result<void> check_queue(lane to, std::size_t waiting_bytes, std::size_t waiting_messages, std::size_t bytes) {
  const std::size_t allowed = to == lane::control ? limits::control_queue_bytes_max : limits::send_queue_bytes_max;
  // When nothing waits, one message of any size may go: otherwise the largest could never be sent.
  const bool full = waiting_bytes > 0 && (waiting_bytes > allowed || bytes > allowed - waiting_bytes);
  if (full || waiting_messages >= limits::send_queue_messages_max)
    return fail(errc::unavailable, "{} bytes in {} messages already wait for the peer; try again when it has read some",
                waiting_bytes, waiting_messages);
  return {};
}

}  // namespace troupe::wire
