#include "troupe/transport/fault_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>

#include "fault/proxied_stream.hpp"
#include "tcp/socket.hpp"
#include "tcp/wakeup.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "wire/frame.hpp"
#include "wire/hello.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t connections_max = 1024;
constexpr std::size_t damages_max = 64;
constexpr std::size_t opening_bytes_max = 4096;
constexpr std::size_t read_bytes_max = 16384;
/// On this machine a connection is there or refused at once.
constexpr std::chrono::milliseconds connect_time_max{500};
constexpr std::array directions{flow::to_target, flow::from_target};

void reset(file_descriptor socket) {
  const linger at_once{1, 0};
  if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/// splitmix64.
class noise {
public:
  explicit noise(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
  }
  std::byte byte() { return static_cast<std::byte>(below(256)); }

private:
  std::uint64_t state_;
};

/// One half of a connection: bytes from one socket to the other.
struct half {
  proxied_stream waiting;
  bool ended = false;     ///< the sender will send no more
  bool finished = false;  ///< and the receiver knows
  bool blocked = false;   ///< the receiver takes nothing now
};

struct connection {
  file_descriptor opener, target;
  std::array<half, 2> halves;  ///< by `flow`
  bool broken = false;         ///< one side is gone; the other hears it when nothing is held
  std::vector<std::byte> opening;
  std::string opened_by;  ///< what the opener greets with, once that is known

  half& of(flow direction) { return halves[static_cast<std::size_t>(direction)]; }
  const file_descriptor& source(flow direction) const { return direction == flow::to_target ? opener : target; }
  const file_descriptor& sink(flow direction) const { return direction == flow::to_target ? target : opener; }
};

/// The name in the greeting with which a connection opens, if it is whole.
std::string greeting_name(std::span<const std::byte> opening) {
  if (opening.size() < frame_header_bytes) return {};
  const auto header = decode_header(opening.first<frame_header_bytes>(), true);
  if (!header || header->type != frame_type::hello || opening.size() < frame_header_bytes + header->length) return {};
  auto greeting = decode_hello(opening.subspan(frame_header_bytes, header->length));
  return greeting ? std::move(greeting->node.name) : std::string();
}

}  // namespace

class fault_proxy::relay {
public:
  relay(const address& target, listening_socket listening, wakeup wake, std::uint64_t seed)
      : target_(target),
        listening_(std::move(listening.socket)),
        local_(std::move(listening.local)),
        wake_(std::move(wake)),
        noise_(seed) {}
  ~relay() {
    stop_ = true;
    wake_.signal();
    if (thread_.joinable()) thread_.join();
    for (connection& each : connections_) reset_both(each);
  }

  result<void> start() {
    return start_thread("troupe-faults", thread_, [this] { run(); });
  }
  const address& local() const noexcept { return local_; }

  template <class Change>
  void change(Change what) {
    {
      const std::lock_guard held(mutex_);
      what(*this);
    }
    wake_.signal();
  }
  counts count() const {
    const std::lock_guard held(mutex_);
    counts now = counts_;
    now.connections = connections_.size();
    return now;
  }
  std::vector<std::byte> last_opening() const {
    const std::lock_guard held(mutex_);
    return last_opening_;
  }

  void end_connections(flow_end how) {
    for (connection& each : connections_) {
      if (how == flow_end::reset) {
        reset_both(each);
        continue;
      }
      ::shutdown(each.target.get(), SHUT_WR);
      each.of(flow::to_target).finished = each.of(flow::to_target).ended = true;
      each.of(flow::to_target).waiting = {};
      if (how == flow_end::half_close) continue;
      ::shutdown(each.opener.get(), SHUT_WR);
      each.of(flow::from_target).finished = each.of(flow::from_target).ended = true;
      each.of(flow::from_target).waiting = {};
    }
    sweep();
  }

  std::array<flow_rules, 2> rules_;
  bool refusing_ = false;
  std::deque<flow_damage> damages_;

private:
  void run() {
    std::vector<pollfd> watched;
    while (!stop_) {
      time_point next = steady_clock::now() + std::chrono::seconds(1);
      {
        const std::lock_guard held(mutex_);
        watch(watched, next);
      }
      ::poll(watched.data(), watched.size(), poll_timeout(steady_clock::now(), next));
      wake_.clear();
      const std::lock_guard held(mutex_);
      accept_all();
      for (connection& each : connections_)
        for (const flow direction : directions) {
          take(each, direction);
          give(each, direction);
        }
      sweep();
    }
  }

  bool held(const connection& each, flow direction) const {
    const flow_rules& rules = rules_[static_cast<std::size_t>(direction)];
    return rules.held && (rules.except_of.empty() || rules.except_of != each.opened_by);
  }

  /// What to wait for, and until when.
  void watch(std::vector<pollfd>& watched, time_point& next) {
    watched.clear();
    watched.push_back({wake_.descriptor(), POLLIN, 0});
    watched.push_back({listening_.get(), POLLIN, 0});
    for (connection& each : connections_) {
      if (each.broken) continue;
      pollfd opener{each.opener.get(), 0, 0}, target{each.target.get(), 0, 0};
      for (const flow direction : directions) {
        half& side = each.of(direction);
        pollfd& source = direction == flow::to_target ? opener : target;
        pollfd& sink = direction == flow::to_target ? target : opener;
        if (!side.ended && side.waiting.has_room()) source.events |= POLLIN;
        if (held(each, direction) || side.waiting.empty()) continue;
        if (side.blocked)
          sink.events |= POLLOUT;
        else
          next = std::min(next, side.waiting.due());
      }
      // Without an event to wait for, a lost connection would wake the thread again and again.
      for (pollfd& socket : {std::ref(opener), std::ref(target)})
        if (socket.events != 0) watched.push_back(socket);
    }
  }

  void accept_all() {
    for (;;) {
      auto opened = accept_socket(listening_);
      if (!opened || !*opened) return;
      if (refusing_ || connections_.size() == connections_max) {
        reset(std::move(*opened));
        continue;
      }
      auto target = connect_socket(target_, steady_clock::now() + connect_time_max);
      if (!target) {
        reset(std::move(*opened));
        continue;
      }
      connection& made = connections_.emplace_back();
      made.opener = std::move(*opened);
      made.target = std::move(*target);
      prepare_socket(made.opener);
      prepare_socket(made.target);
      ++counts_.accepted;
    }
  }

  /// Reads what one side has sent.
  void take(connection& from, flow direction) {
    half& side = from.of(direction);
    while (!from.broken && !side.ended && side.waiting.has_room()) {
      std::vector<std::byte> bytes(read_bytes_max);
      const auto count = ::recv(from.source(direction).get(), bytes.data(), bytes.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
      if (count < 0) from.broken = true;
      if (count == 0) side.ended = true;
      if (count <= 0) return;
      bytes.resize(static_cast<std::size_t>(count));
      if (direction == flow::to_target) {
        remember_opening(from, bytes);
        if (!apply_damage(from, bytes)) return;
      }
      side.waiting.add(std::move(bytes), due(direction, static_cast<std::uint64_t>(count)));
    }
  }

  void remember_opening(connection& of, std::span<const std::byte> bytes) {
    if (of.opening.size() >= opening_bytes_max) return;
    const auto room = std::min(bytes.size(), opening_bytes_max - of.opening.size());
    of.opening.insert(of.opening.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(room));
    last_opening_ = of.opening;
    if (of.opened_by.empty()) of.opened_by = greeting_name(of.opening);
  }

  /// False when the connection is over.
  bool apply_damage(connection& of, std::vector<std::byte>& bytes) {
    if (damages_.empty()) return true;
    const flow_damage next = damages_.front();
    damages_.pop_front();
    ++counts_.damaged;
    const auto amount = static_cast<std::ptrdiff_t>(std::min(next.amount, bytes.size()));
    switch (next.what) {
      case flow_damage::form::flip:
        for (std::size_t i = 0; i < next.amount; ++i)
          bytes[noise_.below(bytes.size())] ^= std::byte{1} << noise_.below(8);
        break;
      case flow_damage::form::cut: bytes.erase(bytes.begin(), bytes.begin() + amount); break;
      case flow_damage::form::insert: {
        std::vector<std::byte> random(next.amount);
        for (std::byte& each : random) each = noise_.byte();
        bytes.insert(bytes.begin(), random.begin(), random.end());
        break;
      }
      case flow_damage::form::duplicate: {
        const std::vector<std::byte> again(bytes.begin(), bytes.begin() + amount);
        bytes.insert(bytes.begin(), again.begin(), again.end());
        break;
      }
      case flow_damage::form::reset: {
        (void)::send(of.target.get(), bytes.data(), static_cast<std::size_t>(amount), MSG_NOSIGNAL);
        reset_both(of);
        return false;
      }
    }
    return true;
  }

  /// When bytes that came now may go on.
  time_point due(flow direction, std::uint64_t bytes) {
    const flow_rules& rules = rules_[static_cast<std::size_t>(direction)];
    time_point when = steady_clock::now() + rules.delay;
    if (rules.jitter.count() > 0)
      when += std::chrono::microseconds(noise_.below(static_cast<std::uint64_t>(rules.jitter.count())));
    if (rules.bytes_per_second > 0) {
      time_point& free = line_free_[static_cast<std::size_t>(direction)];
      const auto taken = std::chrono::microseconds(bytes * 1'000'000 / rules.bytes_per_second);
      free = std::max(free, steady_clock::now()) + taken;
      when = std::max(when, free);
    }
    return when;
  }

  /// Passes on what is due.
  void give(connection& over, flow direction) {
    half& side = over.of(direction);
    if (held(over, direction)) return;
    const flow_rules& rules = rules_[static_cast<std::size_t>(direction)];
    side.blocked = false;
    while (!side.finished && !side.waiting.empty() && side.waiting.due() <= steady_clock::now()) {
      const std::size_t wanted =
          rules.piece_bytes > 0 ? std::min(rules.piece_bytes, side.waiting.size()) : side.waiting.size();
      const auto count = ::send(over.sink(direction).get(), side.waiting.data(), wanted, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        side.blocked = errno == EAGAIN || errno == EWOULDBLOCK;
        over.broken = over.broken || !side.blocked;
        return;
      }
      (direction == flow::to_target ? counts_.bytes_to_target : counts_.bytes_from_target) +=
          static_cast<std::uint64_t>(count);
      side.waiting.sent(static_cast<std::size_t>(count));
      // One piece at a time, so that other connections have their turn.
      if (rules.piece_bytes > 0) break;
    }
    if (side.ended && !side.finished && side.waiting.empty()) {
      ::shutdown(over.sink(direction).get(), SHUT_WR);
      side.finished = true;
    }
  }

  /// Forgets connections that are over.
  void sweep() {
    for (connection& each : connections_)
      if (each.broken && !held(each, flow::to_target) && !held(each, flow::from_target)) reset_both(each);
    std::erase_if(connections_, [](connection& each) {
      return !each.opener || (each.of(flow::to_target).finished && each.of(flow::from_target).finished);
    });
  }

  static void reset_both(connection& over) {
    reset(std::exchange(over.opener, {}));
    reset(std::exchange(over.target, {}));
    over.broken = true;
  }

  const address target_;
  const file_descriptor listening_;
  const address local_;
  const wakeup wake_;
  noise noise_;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;  ///< guards everything that changes
  std::list<connection> connections_;
  counts counts_;
  std::vector<std::byte> last_opening_;
  std::array<time_point, 2> line_free_{};
  std::thread thread_;
};

result<std::unique_ptr<fault_proxy>> fault_proxy::start(const address& target, std::uint64_t seed) {
  if (!target.is_loopback())
    return fail(errc::invalid_argument, "faults are injected within this machine only; {} is not on it",
                target.to_string());
  TROUPE_TRY(wakeup wake, wakeup::make());
  TROUPE_TRY(listening_socket listening, listen_socket(address{"127.0.0.1", 0}));
  auto made = std::make_unique<relay>(target, std::move(listening), std::move(wake), seed);
  TROUPE_CHECK(made->start());
  return std::unique_ptr<fault_proxy>(new fault_proxy(std::move(made)));
}

fault_proxy::fault_proxy(std::unique_ptr<relay> made) : relay_(std::move(made)) {}
fault_proxy::~fault_proxy() = default;

const address& fault_proxy::local() const noexcept {
  return relay_->local();
}

void fault_proxy::set_rules(flow direction, const flow_rules& rules) {
  relay_->change([&](relay& to) { to.rules_[static_cast<std::size_t>(direction)] = rules; });
}

void fault_proxy::refuse(bool refusing) {
  relay_->change([&](relay& to) { to.refusing_ = refusing; });
}

bool fault_proxy::damage(flow_damage next) {
  bool waits = false;
  relay_->change([&](relay& to) {
    waits = to.damages_.size() < damages_max;
    if (waits) to.damages_.push_back(next);
  });
  return waits;
}

std::size_t fault_proxy::forget_damage() {
  std::size_t count = 0;
  relay_->change([&](relay& of) { count = std::exchange(of.damages_, {}).size(); });
  return count;
}

void fault_proxy::end_connections(flow_end how) {
  relay_->change([&](relay& to) { to.end_connections(how); });
}

fault_proxy::counts fault_proxy::count() const {
  return relay_->count();
}

std::vector<std::byte> fault_proxy::last_opening() const {
  return relay_->last_opening();
}

}  // namespace troupe::wire
