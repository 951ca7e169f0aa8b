// What encryption costs a link: plain and TLS links within this process, over the loopback interface. And what
// strangers at the port, who are another process, do to a paired link. Prints JSON. Time of the processor is said
// besides that of the clock, since other programs share the machine.
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/paired_machines.hpp"
#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::test;
using nlohmann::json;

namespace {

double seconds(duration span) {
  return std::chrono::duration<double>(span).count();
}

double processor_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

/// Sends everything back that is short.
class echo final : public wire::link_handler {
public:
  std::unique_ptr<wire::link> link;
  void on_message(wire::incoming_message message) override {
    if (message.byte_size() <= 64) static_cast<void>(link->send(numbered(number_of(message))));
  }
  void on_closed(const error&) override {}
};

struct host {
  explicit host(const wire::tcp_options& options)
      : listener(need(wire::listen_tcp("127.0.0.1:0", options, [this](std::unique_ptr<wire::link> made) {
          guest->link = std::move(made);
          guest->link->start(guest);
        }))) {}
  ~host() {
    listener.reset();
    guest->link.reset();
  }
  std::shared_ptr<echo> guest = std::make_shared<echo>();
  std::unique_ptr<wire::tcp_listener> listener;
  std::string address() const { return listener->local_address().to_string(); }
};

/// Round trips of a short message in microseconds, sorted.
std::vector<double> round_trips(wire::link& link, recorder& seen, std::size_t already, std::size_t count) {
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) {
    const auto began = steady_clock::now();
    need(link.send(numbered(i)));
    if (!seen.wait_for_messages(already + i + 1)) return {};
    all.push_back(seconds(steady_clock::now() - began) * 1e6);
  }
  std::sort(all.begin(), all.end());
  return all;
}

json summary(const std::vector<double>& sorted) {
  return {{"p50_us", sorted.at(sorted.size() / 2)}, {"p99_us", sorted.at(sorted.size() * 99 / 100)}};
}

json measure(const wire::tcp_options& server, const wire::tcp_options& client) {
  host far(server);
  const auto near = need(wire::connect_tcp(far.address(), client, soon()));
  const auto seen = std::make_shared<recorder>();
  near->start(seen);
  json found;
  found["round_trip"] = summary(round_trips(*near, *seen, 0, 3000));

  const auto chunk = bulky(std::size_t{4} << 20, 1);
  constexpr int chunks = 256;  // 1 GiB
  const auto began = steady_clock::now();
  const double processor = processor_seconds();
  for (int i = 0; i < chunks; ++i)
    while (!near->send(chunk)) std::this_thread::sleep_for(std::chrono::microseconds(200));
  while (near->queued_bytes() > 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  found["gb_per_s"] = chunks * 4.194304e-3 / seconds(steady_clock::now() - began);
  found["processor_s_per_gb"] = (processor_seconds() - processor) / (chunks * 4.194304e-3);
  return found;
}

/// Strangers at a port, in a process of their own with the lowest priority, as the processors of other machines are not
/// ours. Made before this process has other threads.
class crowd {
public:
  crowd() {
    REQUIRE(::pipe(ends_.data()) == 0);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      ::close(ends_[1]);
      act();
      ::_exit(0);
    }
    ::close(ends_[0]);
  }
  ~crowd() {
    ::close(ends_[1]);
    ::waitpid(child_, nullptr, 0);
  }
  /// At this port there are strangers from now on; at 0 they leave.
  void go_to(std::uint16_t port) { REQUIRE(::write(ends_[1], &port, sizeof port) == sizeof port); }

private:
  static constexpr std::size_t members = 400;
  static constexpr milliseconds pause{2};

  /// 500 newcomers a second: silent, in plaintext, with the beginning of a TLS greeting, and machines that greet to the
  /// end but are not paired.
  void act() {
    // Below this process with real-time priority, yet above everything else that runs; without, below everything.
    const bool real_time = ::sched_getscheduler(0) == SCHED_FIFO;
    const sched_param lowest{.sched_priority = real_time ? ::sched_get_priority_min(SCHED_FIFO) : 0};
    ::sched_setscheduler(0, real_time ? SCHED_FIFO : SCHED_BATCH, &lowest);
    if (!real_time) static_cast<void>(::nice(19));
    const machine unpaired("unpaired");
    std::deque<std::unique_ptr<raw_peer>> here;
    std::uint16_t port = 0;
    for (std::size_t i = 0;; ++i) {
      pollfd orders{ends_[0], POLLIN, 0};
      if (::poll(&orders, 1, static_cast<int>(pause.count())) > 0 && ::read(ends_[0], &port, sizeof port) <= 0) return;
      if (port == 0) {
        here.clear();
        continue;
      }
      const std::string where = "127.0.0.1:" + std::to_string(port);
      if (i % 8 == 7) {
        static_cast<void>(wire::connect_tcp(where, unpaired.options(), steady_clock::now() + milliseconds(200)));
        continue;
      }
      here.push_back(std::make_unique<raw_peer>(where));
      if (i % 4 == 1) here.back()->send("\x16\x03\x01\x02");
      if (i % 4 == 2) here.back()->send("TRPE and then nothing that makes sense to anybody");
      if (here.size() > members) here.pop_front();
    }
  }

  std::array<int, 2> ends_{};
  pid_t child_ = -1;
};

/// Another node of this machine, a process of its own. Made before this process has other threads.
class neighbour {
public:
  neighbour() {
    std::array<int, 2> answer{};
    REQUIRE(::pipe(ends_.data()) == 0);
    REQUIRE(::pipe(answer.data()) == 0);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      ::close(ends_[1]);
      const paired_machines both;
      const host node(both.worker.options());
      const std::uint16_t port = node.listener->local_address().port;
      static_cast<void>(!::write(answer[1], &port, sizeof port));
      std::byte nothing;
      static_cast<void>(!::read(ends_[0], &nothing, 1));  // until the other end is closed
      ::_exit(0);
    }
    ::close(ends_[0]);
    ::close(answer[1]);
    REQUIRE(::read(answer[0], &port_, sizeof port_) == sizeof port_);
    ::close(answer[0]);
  }
  ~neighbour() {
    ::close(ends_[1]);
    ::waitpid(child_, nullptr, 0);
  }
  std::uint16_t port() const { return port_; }

private:
  std::array<int, 2> ends_{};
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// Counts what comes back.
class counter final : public wire::link_handler {
public:
  void on_message(wire::incoming_message) override {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_one();
  }
  void on_closed(const error&) override {}
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return count_ >= count; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t count_ = 0;
};

/// Three quartiles.
json spread_of(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return {all.at(all.size() / 4), all.at(all.size() / 2), all.at(all.size() * 3 / 4)};
}

}  // namespace

TEST_CASE("links are measured", "[.bench]") {
  const paired_machines both;
  wire::tcp_options plain;
  plain.self = node_called("plain");
  wire::tcp_options other = plain;
  other.self = node_called("other");
  json found;
  found["plain"] = measure(plain, other);
  found["tls"] = measure(both.worker.options(), both.coordinator.options());
  std::puts(found.dump(2).c_str());
}

// Strangers that knock at another node of this machine cost as much of its processors, and are no concern of ours.
TEST_CASE("a paired link is measured beside strangers, in turns", "[.bench]") {
  crowd strangers;
  const neighbour elsewhere;
  const paired_machines both;
  host far(both.worker.options());
  const auto near = need(wire::connect_tcp(far.address(), both.coordinator.options(), soon()));
  const auto seen = std::make_shared<counter>();
  near->start(seen);

  struct situation {
    const char* name;
    std::uint16_t port;
    std::vector<double> all, p50, p99;
  };
  std::array<situation, 3> situations{{{"no_strangers", 0, {}, {}, {}},
                                       {"strangers_at_another_node", elsewhere.port(), {}, {}, {}},
                                       {"strangers_here", far.listener->local_address().port, {}, {}, {}}}};
  constexpr int rounds = 40;
  constexpr std::size_t trips = 2000;
  std::size_t sent = 0;
  for (int round = 0; round < rounds; ++round) {
    for (situation& now : situations) {
      strangers.go_to(now.port);
      std::this_thread::sleep_for(milliseconds(150));  // until they are there, or gone
      std::vector<double> one;
      for (std::size_t i = 0; i < trips; ++i) {
        const auto began = steady_clock::now();
        need(near->send(numbered(++sent)));
        REQUIRE(seen->wait_for(sent));
        one.push_back(seconds(steady_clock::now() - began) * 1e6);
      }
      std::sort(one.begin(), one.end());
      now.p50.push_back(one.at(trips / 2));
      now.p99.push_back(one.at(trips * 99 / 100));
      now.all.insert(now.all.end(), one.begin(), one.end());
    }
  }
  json found{{"refused", far.listener->refused_count()}};
  for (situation& each : situations) {
    std::sort(each.all.begin(), each.all.end());
    found[each.name] = {{"all", summary(each.all)},
                        {"p50_us_quartiles_of_rounds", spread_of(each.p50)},
                        {"p99_us_quartiles_of_rounds", spread_of(each.p99)}};
  }
  std::puts(found.dump(2).c_str());
}
