// What tests of links share: a handler that remembers, identities, messages, and peers that misbehave on purpose.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/transport/link.hpp"
#include "troupe/transport/tcp.hpp"

namespace troupe::test {

using std::chrono::milliseconds;

/// Longer than anything a test waits for; reached only by a failing one.
inline constexpr milliseconds patience{20'000};

inline time_point soon() {
  return steady_clock::now() + patience;
}

inline wire::node_identity node_called(const std::string& name) {
  return {need(wire::make_node_id()), name, ""};
}

/// Remembers what happens on a link.
class recorder : public wire::link_handler {
public:
  /// Called first for every message, on the link's thread. Set before `start`.
  std::function<void(const wire::incoming_message&)> on_each;
  std::function<void(const error&)> on_end;

  void on_message(wire::incoming_message message) override {
    if (on_each) on_each(message);
    const std::lock_guard guard(mutex_);
    messages_.push_back(std::move(message));
    changed_.notify_all();
  }
  void on_closed(const error& reason) override {
    if (on_end) on_end(reason);
    const std::lock_guard guard(mutex_);
    ++closed_count_;
    closed_ = reason;
    closed_at_ = steady_clock::now();
    changed_.notify_all();
  }
  void on_room() override {
    const std::lock_guard guard(mutex_);
    ++rooms_;
    changed_.notify_all();
  }

  /// True once there are `count` messages.
  bool wait_for_messages(std::size_t count) {
    return wait([&] { return messages_.size() >= count; });
  }
  bool wait_for_room() {
    return wait([&] { return rooms_ > 0; });
  }
  /// The reason for the end; a failed test when it does not come.
  error closed() {
    if (!wait([&] { return closed_.has_value(); })) FAIL("the link does not end");
    const std::lock_guard guard(mutex_);
    return *closed_;
  }
  bool is_closed() {
    const std::lock_guard guard(mutex_);
    return closed_.has_value();
  }
  int closed_count() {
    const std::lock_guard guard(mutex_);
    return closed_count_;
  }
  time_point closed_at() {
    const std::lock_guard guard(mutex_);
    return closed_at_;
  }
  std::vector<wire::incoming_message> messages() {
    const std::lock_guard guard(mutex_);
    return messages_;
  }

private:
  /// True when the condition holds; false when it does not in time, or the link has ended before.
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock guard(mutex_);
    changed_.wait_for(guard, patience, [&] { return condition() || closed_; });
    if (condition()) return true;
    UNSCOPED_INFO((closed_ ? "the link has ended: " + closed_->to_string() : "nothing happens for too long"));
    return false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<wire::incoming_message> messages_;
  std::optional<error> closed_;
  time_point closed_at_{};
  int closed_count_ = 0;
  int rooms_ = 0;
};

/// Accepts links and keeps them, each with a recorder.
class acceptor {
public:
  struct guest {
    std::unique_ptr<wire::link> link;
    std::shared_ptr<recorder> seen;
  };

  explicit acceptor(wire::link_profile profile = wire::default_profile,
                    milliseconds handshake_time = limits::handshake_time_max)
      : acceptor(
            wire::tcp_options{.self = node_called("listener"), .profile = profile, .handshake_time = handshake_time}) {}
  explicit acceptor(const wire::tcp_options& options) {
    listener_ = need(wire::listen_tcp("127.0.0.1:0", options, [this](std::unique_ptr<wire::link> made) {
      auto seen = std::make_shared<recorder>();
      made->start(seen);
      const std::lock_guard guard(mutex_);
      guests_.push_back({std::move(made), std::move(seen)});
      changed_.notify_all();
    }));
  }
  ~acceptor() { listener_.reset(); }  // no callback may come when the guests go

  std::string address() const { return listener_->local_address().to_string(); }
  const wire::tcp_listener& listener() const { return *listener_; }
  /// The next link that was accepted; a failed test when none comes.
  guest take() {
    std::unique_lock guard(mutex_);
    if (!changed_.wait_for(guard, patience, [&] { return !guests_.empty(); })) FAIL("nobody connects");
    guest first = std::move(guests_.front());
    guests_.erase(guests_.begin());
    return first;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<guest> guests_;
  std::unique_ptr<wire::tcp_listener> listener_;
};

inline result<std::unique_ptr<wire::link>> dial(const std::string& address,
                                                wire::link_profile profile = wire::default_profile) {
  wire::tcp_options options;
  options.self = node_called("dialer");
  options.profile = profile;
  return wire::connect_tcp(address, options, soon());
}

/// `size` bytes that depend on `seed`.
inline wire::blob random_blob(std::size_t size, std::uint64_t seed) {
  auto bytes = std::make_shared<std::vector<std::byte>>(size);
  random_source random(seed);
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t eight = random.next();
    std::memcpy(bytes->data() + i, &eight, std::min<std::size_t>(8, size - i));
  }
  return {std::shared_ptr<const std::byte>(bytes, bytes->data()), size};
}

inline bool same_bytes(const wire::blob& a, const wire::blob& b) {
  return a.size == b.size && std::memcmp(a.data.get(), b.data.get(), a.size) == 0;
}

inline bool same_content(const wire::outgoing_message& sent, const wire::incoming_message& got) {
  if (!same_bytes(sent.head, got.head) || sent.attachments.size() != got.attachments.size()) return false;
  for (std::size_t i = 0; i < sent.attachments.size(); ++i)
    if (!same_bytes(sent.attachments[i], got.attachments[i])) return false;
  return true;
}

inline bool is_aligned(const wire::incoming_message& got) {
  const auto fits = [](const wire::blob& b) { return reinterpret_cast<std::uintptr_t>(b.data.get()) % 64 == 0; };
  for (const wire::blob& part : got.attachments)
    if (!fits(part)) return false;
  return fits(got.head);
}

/// A short control message whose head is one number.
inline wire::outgoing_message numbered(std::uint64_t number, wire::lane lane = wire::lane::control) {
  const auto held = std::make_shared<std::uint64_t>(number);
  return {{std::shared_ptr<const std::byte>(held, reinterpret_cast<const std::byte*>(held.get())), 8}, {}, lane};
}

inline std::uint64_t number_of(const wire::incoming_message& got) {
  std::uint64_t number = 0;
  if (got.head.size == 8) std::memcpy(&number, got.head.data.get(), 8);
  return number;
}

/// A bulk message of one attachment.
inline wire::outgoing_message bulky(std::size_t bytes, std::uint64_t seed) {
  return {random_blob(8, seed), {random_blob(bytes, seed + 1)}, wire::lane::bulk};
}

/// Open file descriptors, or threads, of this process.
inline std::size_t count_entries(const char* directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++count;
  return count;
}

/// The seed of a randomised test: 1, or what the environment says, to repeat or to widen.
inline std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("TROUPE_TEST_SEED");
  return given ? std::strtoull(given, nullptr, 0) : 1;
}

}  // namespace troupe::test
