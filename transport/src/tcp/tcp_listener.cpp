#include <poll.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "tcp/handshake_io.hpp"
#include "tcp/socket.hpp"
#include "tcp/tcp_link.hpp"
#include "tcp/wakeup.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/tcp.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

using std::chrono::milliseconds;

// Connections taken before those that are greeting get their turn.
constexpr int accepts_per_turn = 16;
// When the process can take no more connections: how long until the next attempt.
constexpr milliseconds exhausted_pause{100};

/// A connection that has not greeted yet.
struct visitor {
  std::unique_ptr<byte_stream> stream;
  handshake greeting;
  time_point deadline;
};

class listener final : public tcp_listener {
public:
  listener(listening_socket socket, tcp_options options, accept_function on_link, wakeup wake)
      : socket_(std::move(socket)), options_(std::move(options)), on_link_(std::move(on_link)), wake_(std::move(wake)) {
    if (options_.self.listen_address.empty()) options_.self.listen_address = socket_.local.to_string();
  }

  ~listener() override {
    stopping_ = true;
    wake_.signal();
    if (thread_.joinable()) thread_.join();
  }

  result<void> start() {
    return start_thread("troupe-listen", thread_, [this] { run(); });
  }

  const address& local_address() const noexcept override { return socket_.local; }
  std::size_t accepted_count() const noexcept override { return accepted_; }
  std::size_t refused_count() const noexcept override { return refused_; }

private:
  void run() {
    while (!stopping_) {
      try {
        serve_once();
      } catch (const std::exception&) {
        // Out of memory, or the owner's callback failed: drop who is waiting, keep listening.
        refused_ += visitors_.size();
        visitors_.clear();
      }
    }
  }

  void serve_once() {
    const auto now = steady_clock::now();
    // The oldest visitor is first; all have the same time.
    time_point wake_at = visitors_.empty() ? now + milliseconds(60'000) : visitors_.front().deadline;
    const bool paused = now < paused_until_;
    if (paused) wake_at = std::min(wake_at, paused_until_);

    std::vector<pollfd> watched;
    watched.push_back({wake_.descriptor(), POLLIN, 0});
    watched.push_back({socket_.socket.get(), static_cast<short>(paused ? 0 : POLLIN), 0});
    for (const visitor& one : visitors_) {
      const bool writes = !one.greeting.output().empty();
      watched.push_back({one.stream->descriptor(), static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0});
    }
    static_cast<void>(::poll(watched.data(), watched.size(), poll_timeout(now, wake_at)));
    if (watched[0].revents != 0) wake_.clear();

    // The order of visitors is that of `watched`: those who left are taken out afterwards.
    for (std::size_t i = 0; i < visitors_.size(); ++i)
      if (watched[2 + i].revents != 0) hear(visitors_[i]);
    std::erase_if(visitors_, [](const visitor& one) { return !one.stream; });
    while (!visitors_.empty() && visitors_.front().deadline <= steady_clock::now()) dismiss_oldest();
    if (watched[1].revents != 0) accept_some();
  }

  void accept_some() {
    for (int i = 0; i < accepts_per_turn; ++i) {
      auto taken = accept_socket(socket_.socket);
      if (!taken) paused_until_ = steady_clock::now() + exhausted_pause;
      if (!taken || !*taken) return;
      if (visitors_.size() >= limits::connections_greeting_max) dismiss_oldest();
      hello mine;
      mine.node = options_.self;
      mine.profile = options_.profile;
      visitors_.push_back({make_socket_stream(std::move(taken).value()),
                           handshake(handshake::side::accepting, std::move(mine)),
                           steady_clock::now() + options_.handshake_time});
    }
  }

  /// Goes on with one visitor; its stream is gone when it has become a link or has been sent away.
  void hear(visitor& one) {
    const auto done = advance(*one.stream, one.greeting);
    if (done && !*done) return;
    auto stream = std::move(one.stream);
    if (!done) {
      ++refused_;
      return;
    }
    auto connection = std::move(one.greeting).finish();
    if (*links_ >= limits::links_max) {
      connection.out.push_goodbye(
          encode_goodbye(fail(errc::unavailable, "this node has {} links already, its limit", limits::links_max)));
      static_cast<void>(flush(*stream, connection.out));
      ++refused_;
      return;
    }
    ++*links_;
    std::shared_ptr<void> guest(nullptr, [links = links_](void*) { --*links; });
    auto made = make_stream_link(std::move(stream), std::move(connection), std::move(guest));
    if (!made) {
      ++refused_;
      return;
    }
    ++accepted_;
    on_link_(std::move(made).value());
  }

  void dismiss_oldest() {
    visitors_.pop_front();
    ++refused_;
  }

  listening_socket socket_;
  tcp_options options_;
  accept_function on_link_;
  wakeup wake_;
  std::deque<visitor> visitors_;
  time_point paused_until_{};
  std::shared_ptr<std::atomic<std::size_t>> links_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> refused_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<tcp_listener>> listen_tcp(const std::string& where, tcp_options options,
                                                 tcp_listener::accept_function on_link) {
  TROUPE_TRY(const address local, parse_address(where));
  TROUPE_CHECK(check_reachable(local));
  hello mine;
  mine.node = options.self;
  mine.profile = options.profile;
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(listening_socket socket, listen_socket(local));
  TROUPE_TRY(wakeup wake, wakeup::make());
  auto made = std::make_unique<listener>(std::move(socket), std::move(options), std::move(on_link), std::move(wake));
  TROUPE_CHECK(made->start());
  return std::unique_ptr<tcp_listener>(std::move(made));
}

}  // namespace troupe::wire
