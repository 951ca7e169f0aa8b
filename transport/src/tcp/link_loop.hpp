// What one thread does for one link: read, write, beat, and notice the end.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "tcp/byte_stream.hpp"
#include "tcp/wakeup.hpp"
#include "troupe/transport/link.hpp"
#include "wire/handshake.hpp"
#include "wire/liveness.hpp"

namespace troupe::wire {

/// The shared part of a link over a byte stream: the link object and the link's thread each hold one reference.
/// `run` is for the link's thread, everything else for any.
class link_loop final : private frame_reader::sink {
public:
  /// `guest` is released when the link is over: the listener counts its links by it.
  link_loop(std::unique_ptr<byte_stream> stream, greeted_connection connection, wakeup wake,
            std::shared_ptr<void> guest);

  result<void> send(outgoing_message message);
  void close(error why);
  const peer_info& peer() const noexcept { return peer_; }
  std::size_t queued_bytes() const;

  /// Ends a link whose thread could not be started.
  void abandon();

  /// Returns after `handler.on_closed`.
  void run(std::shared_ptr<link_handler> handler);

private:
  enum class ending { no, draining, farewell_queued, farewell_said, over };

  result<void> on_hello(std::span<const std::byte> payload) override;
  result<void> on_goodbye(std::span<const std::byte> payload) override;
  result<void> on_message(incoming_message message) override;
  void on_heartbeat(std::uint64_t arrived) override;

  error serve();
  result<void> serve_once();
  result<void> read_some();
  result<void> write_some();
  result<std::size_t> write_waiting(std::unique_lock<std::mutex>& guard, std::size_t bytes_max);
  void tell_room();
  /// Closes the link of a peer that was unpaired.
  void check_trust(time_point now);
  /// This side has closed the link: what waits goes out, then a farewell, then the peer's end is awaited.
  void wind_down(time_point now);
  void say_why(const error& reason);
  void finish(const error& reason);

  // Set once.
  const peer_info peer_;
  const link_profile profile_;
  const wakeup wake_;

  // For the link's thread alone.
  std::shared_ptr<link_handler> handler_;
  frame_reader reader_;
  liveness life_;
  ending ending_ = ending::no;
  time_point drain_until_ = time_point::max();
  time_point trust_checked_;

  // Guarded by `mutex_`. Whoever sets `writing_` may use the stream for writing while the mutex is free.
  mutable std::mutex mutex_;
  std::condition_variable written_;
  std::unique_ptr<byte_stream> stream_;  // read by the link's thread alone; gone when the link is over
  outbox out_;
  bool writing_ = false;
  bool room_wanted_ = false;
  std::atomic<bool> closing_{false};  // written under the mutex, after its reason
  error closing_why_{errc::cancelled, ""};
  std::shared_ptr<void> guest_;
};

}  // namespace troupe::wire
