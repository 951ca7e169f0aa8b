// Bytes in, messages out: the receiving half of a connection as plain state, without input or output of its own.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"
#include "wire/frame.hpp"
#include "wire/message_assembler.hpp"

namespace troupe::wire {

/// Cuts a stream of bytes into frames, checks them and assembles messages. The caller receives into `space()` and then
/// reports how much came with `received()`. Large data lands where it stays, without a copy: only what came together
/// with a header, at most `limits::receive_chunk_bytes`, is copied.
class frame_reader {
public:
  /// Takes what was read. The spans are valid during the call.
  class sink {
  public:
    virtual ~sink() = default;
    virtual result<void> on_hello(std::span<const std::byte> payload) = 0;
    virtual result<void> on_goodbye(std::span<const std::byte> payload) = 0;
    /// So many bytes of this side's have reached the peer.
    virtual void on_heartbeat(std::uint64_t /*arrived*/) {}
    virtual result<void> on_message(incoming_message message) = 0;
  };

  /// Expects the peer's greeting first, and stops after it until `finish_greeting`.
  frame_reader();

  /// Where the next received bytes go; not empty, except between a greeting and `finish_greeting`.
  std::span<std::byte> space();
  /// The first `count` bytes of `space()` have arrived. An error ends the connection: the reader must not be used
  /// any more.
  result<void> received(std::size_t count, sink& target);
  /// The greeting has been accepted: from now on frames of every size are allowed. Follow with `received(0, ...)`:
  /// something may have come together with the greeting.
  void finish_greeting() { greeting_ = false; }

  /// Bytes received since the beginning.
  std::uint64_t received_bytes() const noexcept { return received_bytes_; }

  /// Bytes of memory held, without the messages being assembled.
  std::size_t buffer_bytes() const noexcept { return input_.size(); }

private:
  result<bool> read_header();
  result<bool> read_payload(sink& target);
  result<void> dispatch(std::span<const std::byte> payload, sink& target);
  result<void> deliver(sink& target);
  message_assembler& lane_of_frame() { return lanes_[static_cast<std::size_t>(frame_->lane)]; }
  std::size_t buffered() const noexcept { return end_ - begin_; }
  std::span<const std::byte> input(std::size_t count) const { return {input_.data() + begin_, count}; }

  std::vector<std::byte> input_;
  std::size_t begin_ = 0;  // of what is in `input_` and not yet used
  std::size_t end_ = 0;
  std::optional<frame_header> frame_;  // its header has been read, its payload not yet
  std::span<std::byte> direct_;        // where that payload goes, when it needs no copy
  std::size_t direct_filled_ = 0;
  std::uint32_t sequence_ = 0;  // of the next frame
  std::uint64_t received_bytes_ = 0;
  bool greeting_ = true;
  bool greeted_ = false;
  std::array<message_assembler, lane_count> lanes_;
};

}  // namespace troupe::wire
