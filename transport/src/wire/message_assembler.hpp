// Puts the messages of one lane together from the payloads of its frames.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/message.hpp"
#include "wire/growing_buffer.hpp"

namespace troupe::wire {

/// A message on the wire is a prologue (head bytes: u32, number of attachments: u32, bytes of each attachment: u64),
/// the head, and the attachments, without gaps. The first frame holds the whole prologue. Plain state, no input or
/// output of its own.
class message_assembler {
public:
  explicit message_assembler(wire::lane lane) : lane_(lane) {}

  /// The payload of the frame that opens a message. Refused while another one is open.
  result<void> open(std::span<const std::byte> payload);
  /// The payload of a frame that continues the message.
  result<void> append(std::span<const std::byte> payload);

  /// The same without a copy: where `count` bytes may be received directly. Empty when they do not all belong to one
  /// piece of the message; then they go through `append`. Follow with `commit` once the bytes proved right.
  result<std::span<std::byte>> direct_room(std::size_t count);
  void commit(std::size_t count);

  /// True when a message is whole; `take` gives it away and makes room for the next.
  bool complete() const noexcept { return open_ && piece_ == sizes_.size(); }
  incoming_message take();

private:
  void finish_full_pieces();

  wire::lane lane_;
  bool open_ = false;
  std::vector<std::size_t> sizes_;  // of the head, then of each attachment
  std::size_t piece_ = 0;           // the one being filled
  growing_buffer buffer_;
  incoming_message message_;
};

}  // namespace troupe::wire
