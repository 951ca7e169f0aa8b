// Messages in, bytes out: the sending half of a connection as plain state, without input or output of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"
#include "wire/frame.hpp"

namespace troupe::wire {

/// Cuts messages into frames and decides which goes next: greetings, heartbeats and farewells first, then the control
/// lane, then bulk. A frame that has begun is finished first. The bytes of messages are never copied.
class outbox {
public:
  /// Queues a message, or refuses it with the reason as `link::send` describes it.
  result<void> push(outgoing_message message);
  void push_hello(std::vector<std::byte> payload);
  void push_goodbye(std::vector<std::byte> payload);
  /// A heartbeat that says how many bytes of the peer's have arrived. At most one waits at a time; it says the latest.
  void push_heartbeat(std::uint64_t arrived);

  bool empty() const noexcept;
  /// Bytes sent since the beginning, headers included.
  std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
  /// Bytes of messages that have not been sent.
  std::size_t waiting_bytes() const noexcept;
  std::size_t waiting_bytes(wire::lane lane) const noexcept { return lanes_[index(lane)].bytes; }
  /// True when a frame has begun: nothing else can be sent before its rest.
  bool inside_frame() const noexcept { return first_piece_ < pieces_.size(); }

  /// The next bytes to send: what is left of one frame, in order; nothing when the outbox is empty. Valid until
  /// `sent`, also while messages are pushed.
  std::span<const std::span<const std::byte>> next();
  /// The first `count` bytes of `next()` are gone.
  void sent(std::size_t count);

private:
  struct entry {
    outgoing_message message;
    std::vector<std::byte> prologue;
    std::size_t left = 0;    // bytes of prologue, head and attachments not yet in a frame
    std::size_t piece = 0;   // of the next byte: 0 the prologue, 1 the head, then attachments
    std::size_t offset = 0;  // in that piece

    std::span<const std::byte> bytes_of(std::size_t index) const;
  };
  struct queue {
    std::deque<entry> entries;
    std::size_t bytes = 0;
  };
  struct short_frame {
    frame_type type;
    std::vector<std::byte> payload;
  };

  static std::size_t index(wire::lane lane) noexcept { return static_cast<std::size_t>(lane); }
  void build_frame();
  void build_short_frame();
  void build_data_frame(wire::lane lane);
  void seal(frame_header header);

  std::deque<short_frame> short_frames_;
  std::array<queue, lane_count> lanes_;
  std::uint32_t sequence_ = 0;
  std::uint64_t sent_bytes_ = 0;
  bool heartbeat_waits_ = false;

  // The frame on its way.
  std::vector<std::span<const std::byte>> pieces_;  // the header first; what has been sent is cut off
  std::size_t first_piece_ = 0;
  std::vector<std::byte> header_;  // on the heap, so that an outbox can move while a frame is on its way
  std::vector<std::byte> short_payload_;
  std::optional<wire::lane> sending_;  // the lane it belongs to
};

}  // namespace troupe::wire
