#include "troupe/transport/in_process_link.hpp"

#include <array>
#include <cassert>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/admission.hpp"
#include "wire/growing_buffer.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t other(std::size_t end) {
  return 1 - end;
}

result<blob> aligned(blob sent) {
  if (reinterpret_cast<std::uintptr_t>(sent.data.get()) % 64 == 0) return sent;
  growing_buffer copy(sent.size);
  TROUPE_TRY(const auto room, copy.room(sent.size));
  std::memcpy(room.data(), sent.data.get(), sent.size);
  copy.commit(sent.size);
  return copy.take();
}

/// Takes the message over, so that whoever receives it may be the only owner of its bytes.
result<incoming_message> receive(outgoing_message&& sent) {
  incoming_message got;
  got.lane = sent.lane;
  TROUPE_TRY(got.head, aligned(std::move(sent.head)));
  got.attachments.reserve(sent.attachments.size());
  for (blob& part : sent.attachments) {
    TROUPE_TRY(blob moved, aligned(std::move(part)));
    got.attachments.push_back(std::move(moved));
  }
  return got;
}

/// What both ends share. Each end has a queue of what it will receive.
class channel {
public:
  result<void> send(std::size_t from, outgoing_message message, const std::string& peer) {
    TROUPE_CHECK(check_message(message));
    const std::lock_guard guard(mutex_);
    if (closed_by_) return fail(errc::unavailable, "the link to \"{}\" is closed", peer);
    end_state& to = ends_[other(from)];
    lane_state& queue = to.lanes[static_cast<std::size_t>(message.lane)];
    const std::size_t bytes = message.byte_size();
    if (auto fits = check_queue(message.lane, queue.bytes, queue.messages.size(), bytes); !fits) {
      to.room_wanted = true;
      return std::move(fits).while_doing(fmt::format("sending to \"{}\"", peer));
    }
    queue.bytes += bytes;
    queue.messages.push_back(std::move(message));
    changed_.notify_all();
    return {};
  }

  void close(std::size_t end, error why = error(errc::cancelled, "this side has closed the link")) {
    const std::lock_guard guard(mutex_);
    if (!closed_by_) {
      closed_by_ = end;
      why_ = std::move(why);
      drain_until_ = steady_clock::now() + limits::close_drain_time_max;
    }
    changed_.notify_all();
  }

  std::size_t queued_bytes(std::size_t from) const {
    const std::lock_guard guard(mutex_);
    std::size_t total = 0;
    for (const lane_state& queue : ends_[other(from)].lanes) total += queue.bytes;
    return total;
  }

  /// The thread of one end.
  void run(std::size_t end, const std::shared_ptr<link_handler>& handler) {
    const error reason = deliver_all(end, *handler);
    {
      const std::lock_guard guard(mutex_);
      for (lane_state& queue : ends_[end].lanes) queue = {};
    }
    try {
      handler->on_closed(reason);
    } catch (const std::exception&) {
      // The link is over; there is nobody left to tell.
    }
  }

private:
  struct lane_state {
    std::deque<outgoing_message> messages;
    std::size_t bytes = 0;
  };
  struct end_state {
    std::array<lane_state, lane_count> lanes;
    bool room_wanted = false;  // by the other end
    bool room_made = false;    // for this end: what it could not send may fit now
  };

  error deliver_all(std::size_t end, link_handler& handler) {
    std::unique_lock guard(mutex_);
    end_state& mine = ends_[end];
    for (;;) {
      if (closed_by_ == end) return why_;
      if (std::exchange(mine.room_made, false)) {
        guard.unlock();
        try {
          handler.on_room();
        } catch (const std::exception& problem) {
          close(end);
          return fail(errc::internal, "the handler of a link fails: {}", problem.what());
        }
        guard.lock();
        continue;
      }
      auto next = take(mine);
      if (!next) {
        if (closed_by_) return fail(errc::unavailable, "the peer has closed the link");
        changed_.wait(guard);
        continue;
      }
      if (closed_by_ && steady_clock::now() >= drain_until_)
        return fail(errc::unavailable, "the peer has closed the link");
      guard.unlock();
      try {
        auto got = receive(std::move(*next));
        if (!got) {
          close(end);
          return std::move(got).error();
        }
        handler.on_message(std::move(got).value());
      } catch (const std::exception& problem) {
        close(end);
        return fail(errc::internal, "the handler of a link fails: {}", problem.what());
      }
      guard.lock();
    }
  }

  std::optional<outgoing_message> take(end_state& mine) {
    for (lane_state& queue : mine.lanes) {
      if (queue.messages.empty()) continue;
      outgoing_message next = std::move(queue.messages.front());
      queue.messages.pop_front();
      queue.bytes -= next.byte_size();
      if (mine.room_wanted && mine.lanes[0].bytes <= limits::control_queue_bytes_max / 2 &&
          mine.lanes[1].bytes <= limits::send_queue_bytes_max / 2 &&
          mine.lanes[2].bytes <= limits::send_queue_bytes_max / 2) {
        mine.room_wanted = false;
        ends_[&mine == &ends_[0] ? 1 : 0].room_made = true;
        changed_.notify_all();
      }
      return next;
    }
    return std::nullopt;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::array<end_state, 2> ends_;
  std::optional<std::size_t> closed_by_;
  error why_{errc::cancelled, ""};
  time_point drain_until_ = time_point::max();
};

class in_process_link final : public link {
public:
  in_process_link(std::shared_ptr<channel> shared, std::size_t end, node_identity peer)
      : channel_(std::move(shared)),
        end_(end),
        peer_{std::move(peer), protocol_version_max, {{}, peer_role::coordinator}} {}

  ~in_process_link() override {
    channel_->close(end_);
    if (!thread_.joinable()) return;
    if (thread_.get_id() == std::this_thread::get_id()) {
      thread_.detach();  // the handler destroys its own link; the thread holds the channel and ends soon
    } else {
      thread_.join();
    }
  }

  void start(std::shared_ptr<link_handler> handler) override {
    assert(!thread_.joinable() && "a link is started once");
    auto started =
        start_thread("troupe-link", thread_, [shared = channel_, end = end_, handler] { shared->run(end, handler); });
    if (started) return;
    channel_->close(end_);
    handler->on_closed(started.error());
  }

  result<void> send(outgoing_message message) override {
    return channel_->send(end_, std::move(message), peer_.node.name);
  }
  using link::close;
  void close(error why) override { channel_->close(end_, std::move(why)); }
  const peer_info& peer() const noexcept override { return peer_; }
  std::size_t queued_bytes() const override { return channel_->queued_bytes(end_); }

private:
  std::shared_ptr<channel> channel_;
  std::size_t end_;
  peer_info peer_;
  std::thread thread_;
};

}  // namespace

std::pair<std::unique_ptr<link>, std::unique_ptr<link>> make_in_process_links(node_identity first,
                                                                              node_identity second) {
  auto shared = std::make_shared<channel>();
  return {std::make_unique<in_process_link>(shared, 0, std::move(second)),
          std::make_unique<in_process_link>(shared, 1, std::move(first))};
}

}  // namespace troupe::wire
