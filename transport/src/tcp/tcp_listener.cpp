#include <poll.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <thread>
#include <vector>

#include "tcp/endpoint.hpp"
#include "tcp/handshake_io.hpp"
#include "tcp/socket.hpp"
#include "tcp/tcp_link.hpp"
#include "tcp/wakeup.hpp"
#include "tls/tls_context.hpp"
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
  /// `secure` is there when somebody may come to whom it applies.
  listener(listening_socket socket, tcp_options options, std::optional<tls_context> secure, accept_function on_link,
           wakeup wake)
      : socket_(std::move(socket)),
        options_(std::move(options)),
        secure_(std::move(secure)),
        on_link_(std::move(on_link)),
        wake_(std::move(wake)) {
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
    for (const visitor& one : visitors_)
      watched.push_back({one.stream->descriptor(), awaited_events(*one.stream, one.greeting), 0});
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
      auto stream = wrap(std::move(taken).value());
      if (!stream) {
        ++refused_;
        continue;
      }
      hello mine;
      mine.node = options_.self;
      mine.profile = options_.profile;
      visitors_.push_back({std::move(stream).value(), handshake(handshake::side::accepting, std::move(mine)),
                           steady_clock::now() + options_.handshake_time});
    }
  }

  /// The rule of `connect_tcp`, seen from the other end: both ends come to the same.
  result<std::unique_ptr<byte_stream>> wrap(file_descriptor socket) {
    const bool is_local = remote_end(socket.get()).is_loopback();
    if (!secure_ || (is_local && options_.security == link_security::automatic)) {
      if (!is_local) return error(errc::invalid_argument, "no other machine is expected here");
      return make_socket_stream(std::move(socket));
    }
    prepare_socket(socket);
    return secure_->wrap(std::move(socket));
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
  std::optional<tls_context> secure_;
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

/// What those need who come from other machines; nothing when none can come.
result<std::optional<tls_context>> prepare_security(const address& local, const tcp_options& options) {
  if (options.security == link_security::automatic && local.is_loopback()) return std::optional<tls_context>();
  TROUPE_TRY(const credentials mine, need_credentials(options));
  TROUPE_TRY(const auto paired, mine.trusted.list());
  if (paired.empty())
    return error(
        errc::invalid_argument,
        "this machine is paired with no other, so nobody could come; run `troupe pair` on both machines first, "
        "or listen on 127.0.0.1");
  TROUPE_TRY(auto context, tls_context::make(tls_context::side::accepting, mine));
  return std::optional<tls_context>(std::move(context));
}

}  // namespace

result<std::unique_ptr<tcp_listener>> listen_tcp(const std::string& where, tcp_options options,
                                                 tcp_listener::accept_function on_link) {
  TROUPE_TRY(const address wanted, parse_address(where));
  hello mine;
  mine.node = options.self;
  mine.profile = options.profile;
  TROUPE_CHECK(validate(mine));
  TROUPE_TRY(listening_socket socket, listen_socket(wanted));
  TROUPE_TRY(auto secure,
             prepare_security(socket.local, options).while_doing("listening at " + socket.local.to_string()));
  TROUPE_TRY(wakeup wake, wakeup::make());
  auto made = std::make_unique<listener>(std::move(socket), std::move(options), std::move(secure), std::move(on_link),
                                         std::move(wake));
  TROUPE_CHECK(made->start());
  return std::unique_ptr<tcp_listener>(std::move(made));
}

}  // namespace troupe::wire
