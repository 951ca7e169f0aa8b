// What a link takes: the same rules for every kind of link.
#pragma once

#include "troupe/engine/result.hpp"
#include "troupe/transport/message.hpp"

namespace troupe::wire {

/// `invalid_argument` for a message that no link carries: too large, without a head, with an empty attachment.
result<void> check_message(const outgoing_message& message);

/// `unavailable` when a lane in which `waiting_bytes` in `waiting_messages` wait takes no further `bytes`.
result<void> check_queue(lane to, std::size_t waiting_bytes, std::size_t waiting_messages, std::size_t bytes);

}  // namespace troupe::wire
