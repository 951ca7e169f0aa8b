#include "tcp/link_loop.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "tcp/socket.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::wire {
namespace {

// After so many bytes in one direction it is the other one's turn, and that of heartbeats.
constexpr std::size_t bytes_per_turn = 4 * limits::frame_bytes_max;
// How soon unpairing ends a link.
constexpr std::chrono::milliseconds trust_interval{500};

}  // namespace

link_loop::link_loop(std::unique_ptr<byte_stream> stream, greeted_connection connection, wakeup wake,
                     std::shared_ptr<void> guest)
    : peer_(std::move(connection.peer)),
      profile_(connection.profile),
      wake_(std::move(wake)),
      reader_(std::move(connection.reader)),
      life_(profile_, steady_clock::now()),
      trust_checked_(steady_clock::now()),
      stream_(std::move(stream)),
      out_(std::move(connection.out)),
      guest_(std::move(guest)) {}

result<void> link_loop::send(outgoing_message message) {
  std::unique_lock guard(mutex_);
  if (closing_ || !stream_) return fail(errc::unavailable, "the link to \"{}\" is closed", peer_.node.name);
  const bool idle = out_.empty();
  if (auto queued = out_.push(std::move(message)); !queued) {
    room_wanted_ = room_wanted_ || queued.error().code() == errc::unavailable;
    return std::move(queued).while_doing(fmt::format("sending to \"{}\"", peer_.node.name));
  }
  if (!idle) return {};  // somebody is at it, and goes on until the outbox is empty
  // What goes wrong here is seen by the link's thread as well.
  static_cast<void>(write_waiting(guard, limits::direct_write_bytes_max));
  if (!out_.empty()) wake_.signal();
  return {};
}

void link_loop::close(error why) {
  {
    const std::lock_guard guard(mutex_);
    if (!closing_) closing_why_ = std::move(why);
    closing_ = true;
  }
  wake_.signal();
}

std::size_t link_loop::queued_bytes() const {
  const std::lock_guard guard(mutex_);
  return out_.waiting_bytes();
}

void link_loop::run(std::shared_ptr<link_handler> handler) {
  handler_ = std::move(handler);
  std::optional<error> reason;
  try {
    reason = serve();
  } catch (const std::exception& problem) {
    reason = fail(errc::internal, "the link's thread fails: {}", problem.what());
  }
  finish(*reason);
}

error link_loop::serve() {
  // Something may have come together with the greeting.
  auto outcome = reader_.received(0, *this);
  while (outcome && ending_ != ending::over) outcome = serve_once();
  if (closing_) return closing_why_;  // never changes after `closing_` was set
  say_why(outcome.error());
  return std::move(outcome).error();
}

result<void> link_loop::serve_once() {
  bool output_waits = false;
  {
    const std::lock_guard guard(mutex_);
    output_waits = !out_.empty() && !writing_;
    if (out_.empty()) life_.on_nothing_waits(steady_clock::now());
  }
  const short events = static_cast<short>(POLLIN | (output_waits ? POLLOUT : 0));
  std::array<pollfd, 2> watched{{{stream_->descriptor(), events, 0}, {wake_.descriptor(), POLLIN, 0}}};
  const auto next = std::min({life_.next_check(), drain_until_, trust_checked_ + trust_interval});
  const auto wait = stream_->holds_bytes() ? 0 : poll_timeout(steady_clock::now(), next);
  static_cast<void>(::poll(watched.data(), watched.size(), wait));
  if (watched[1].revents != 0) wake_.clear();

  // Reading comes before judging: it may have been this process that stood still.
  if (stream_->holds_bytes() || (watched[0].revents & ~POLLOUT)) TROUPE_CHECK(read_some());
  TROUPE_CHECK(write_some());
  tell_room();

  const auto now = steady_clock::now();
  check_trust(now);
  if (closing_) wind_down(now);
  if (auto lost = life_.verdict(now)) return *std::move(lost);
  if (!closing_ && life_.heartbeat_due(now)) {
    life_.on_heartbeat_queued(now);
    const std::lock_guard guard(mutex_);
    out_.push_heartbeat(reader_.received_bytes());
  }
  return {};
}

result<void> link_loop::read_some() {
  for (std::size_t total = 0; total < bytes_per_turn;) {
    TROUPE_TRY(const std::size_t count, stream_->read(reader_.space()));
    if (count == 0) break;
    total += count;
    life_.on_received(steady_clock::now());
    TROUPE_CHECK(reader_.received(count, *this));
  }
  return {};
}

result<void> link_loop::write_some() {
  std::unique_lock guard(mutex_);
  if (writing_ || out_.empty()) return {};
  auto written = write_waiting(guard, bytes_per_turn);
  guard.unlock();
  if (!written) {
    // The peer's farewell, if it sent one, says more than a broken pipe.
    TROUPE_CHECK(read_some());
    return std::move(written).error();
  }
  if (*written > 0) life_.on_sent(steady_clock::now());
  return {};
}

result<std::size_t> link_loop::write_waiting(std::unique_lock<std::mutex>& guard, std::size_t bytes_max) {
  writing_ = true;
  std::size_t total = 0;
  result<std::size_t> outcome = std::size_t{0};
  while (!out_.empty() && total < bytes_max) {
    const auto pieces = out_.next();
    guard.unlock();
    outcome = stream_->write(pieces);
    guard.lock();
    if (!outcome || *outcome == 0) break;
    out_.sent(*outcome);
    total += *outcome;
  }
  writing_ = false;
  written_.notify_all();
  if (!outcome) return outcome;
  return total;
}

void link_loop::tell_room() {
  {
    const std::lock_guard guard(mutex_);
    if (!room_wanted_ || out_.waiting_bytes(lane::bulk) > limits::send_queue_bytes_max / 2 ||
        out_.waiting_bytes(lane::background) > limits::send_queue_bytes_max / 2 ||
        out_.waiting_bytes(lane::control) > limits::control_queue_bytes_max / 2)
      return;
    room_wanted_ = false;
  }
  if (!closing_) handler_->on_room();
}

void link_loop::check_trust(time_point now) {
  if (now < trust_checked_ + trust_interval) return;
  trust_checked_ = now;
  if (auto trusted = stream_->check_trust(); !trusted) close(std::move(trusted).error());
}

void link_loop::wind_down(time_point now) {
  if (ending_ == ending::no) {
    ending_ = ending::draining;
    drain_until_ = now + limits::close_drain_time_max;
  }
  const std::lock_guard guard(mutex_);
  if (ending_ == ending::draining && out_.empty()) {
    out_.push_goodbye(encode_goodbye(closing_why_));
    ending_ = ending::farewell_queued;
  } else if (ending_ == ending::farewell_queued && out_.empty()) {
    // The peer ends the connection when it has read this far; leaving earlier could take the farewell back.
    stream_->finish_writing();
    ending_ = ending::farewell_said;
  }
  if (now >= drain_until_) ending_ = ending::over;
}

void link_loop::say_why(const error& reason) {
  // Only a peer that broke the protocol has something to learn; the others are gone.
  if (reason.code() != errc::invalid_argument) return;
  std::unique_lock guard(mutex_);
  if (writing_ || out_.inside_frame()) return;
  out_.push_goodbye(encode_goodbye(reason));
  static_cast<void>(write_waiting(guard, 1));
}

void link_loop::abandon() {
  outbox dropped;
  std::unique_ptr<byte_stream> stream;
  std::shared_ptr<void> guest;
  std::unique_lock guard(mutex_);
  written_.wait(guard, [this] { return !writing_; });
  stream = std::move(stream_);
  guest = std::move(guest_);
  std::swap(dropped, out_);
  guard.unlock();  // what was taken out is destroyed without the mutex
}

void link_loop::finish(const error& reason) {
  abandon();
  try {
    handler_->on_closed(reason);
  } catch (const std::exception&) {
    // The link is over; there is nobody left to tell.
  }
  handler_.reset();
}

result<void> link_loop::on_hello(std::span<const std::byte>) {
  return fail(errc::internal, "a second greeting passed the reader");
}

result<void> link_loop::on_goodbye(std::span<const std::byte> payload) {
  return decode_goodbye(payload);
}

void link_loop::on_heartbeat(std::uint64_t arrived) {
  std::uint64_t sent = 0;
  {
    const std::lock_guard guard(mutex_);
    sent = out_.sent_bytes();
  }
  life_.on_report(arrived, sent, steady_clock::now());
}

result<void> link_loop::on_message(incoming_message message) {
  if (closing_) return {};
  try {
    handler_->on_message(std::move(message));
  } catch (const std::exception& problem) {
    return fail(errc::internal, "the handler of the link to \"{}\" fails: {}", peer_.node.name, problem.what());
  }
  return {};
}

}  // namespace troupe::wire
