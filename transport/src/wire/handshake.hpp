// How two nodes greet, as plain state: bytes in, bytes out, time passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/link.hpp"
#include "wire/frame_reader.hpp"
#include "wire/hello.hpp"
#include "wire/outbox.hpp"

namespace troupe::wire {

/// What a finished handshake hands to the link.
struct greeted_connection {
  frame_reader reader;
  outbox out;
  peer_info peer;
  link_profile profile;
};

/// The side that connects greets first. The other says nothing before it has heard a proper greeting; then it answers
/// even when the versions do not match, so that both sides can name both ranges.
class handshake final : private frame_reader::sink {
public:
  enum class side { connecting, accepting };

  handshake(side which, hello mine);

  std::span<std::byte> space() { return reader_.space(); }
  /// Bytes have arrived in `space()`. After an error what `output()` holds may still be sent, then the connection ends.
  result<void> received(std::size_t count) { return reader_.received(count, *this); }
  outbox& output() noexcept { return out_; }
  const outbox& output() const noexcept { return out_; }
  /// The peer has greeted properly; nothing is read any more.
  bool heard() const noexcept { return theirs_.has_value(); }
  /// The peer has greeted and has been greeted.
  bool done() const noexcept { return heard() && out_.empty(); }
  /// Ends the handshake; call it when done.
  greeted_connection finish() &&;

private:
  result<void> on_hello(std::span<const std::byte> payload) override;
  result<void> on_goodbye(std::span<const std::byte> payload) override { return decode_goodbye(payload); }
  result<void> on_message(incoming_message message) override;

  side side_;
  hello mine_;
  std::optional<hello> theirs_;
  std::uint16_t version_ = 0;
  frame_reader reader_;
  outbox out_;
};

}  // namespace troupe::wire
