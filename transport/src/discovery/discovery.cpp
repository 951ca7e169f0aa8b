#include "troupe/transport/discovery.hpp"

#include <arpa/inet.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "discovery/beacon.hpp"
#include "discovery/multicast.hpp"
#include "discovery/neighbour_table.hpp"
#include "tcp/wakeup.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

using std::chrono::milliseconds;

// Datagrams that are read in one go, and the pause after so many: a flood costs a bounded part of a processor, and what
// the system's buffer does not hold meanwhile is lost.
constexpr int datagrams_per_turn = 64;
constexpr milliseconds turn_pause{50};

/// Whether somebody who hears us through `interface` reaches what listens.
bool reaches(const ipv4_interface& interface, const address& listening) {
  if (listening.is_wildcard()) return true;
  if (listening.is_loopback()) return interface.loopback;
  in_addr own{};
  return ::inet_pton(AF_INET, listening.host.c_str(), &own) == 1 && own.s_addr == interface.address.s_addr;
}

/// A thread that takes one turn after the other until its owner goes.
class background {
public:
  explicit background(wakeup wake) : wake_(std::move(wake)) {}
  ~background() {
    stopping_ = true;
    wake_.signal();
    if (thread_.joinable()) thread_.join();
  }
  result<void> start(const char* name, std::function<void()> turn) {
    return start_thread(name, thread_, [this, turn = std::move(turn)] {
      while (!stopping_) {
        try {
          turn();
        } catch (const std::exception&) {
          wait(-1, limits::announce_interval);  // out of memory: perhaps not for long
        }
      }
    });
  }
  /// Until `descriptor` can be read (-1: none), `most` is over, or the owner goes.
  void wait(int descriptor, milliseconds most) const {
    std::array<pollfd, 2> watched{pollfd{wake_.descriptor(), POLLIN, 0}, pollfd{descriptor, POLLIN, 0}};
    static_cast<void>(::poll(watched.data(), watched.size(), static_cast<int>(most.count())));
  }

private:
  wakeup wake_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

struct announcer::implementation {
  std::array<std::byte, beacon_bytes> beacon;
  address listening;
  multicast_sender sender;
  background thread;  // last: it uses the others

  void announce() {
    for (const ipv4_interface& each : list_ipv4_interfaces())
      if (reaches(each, listening)) sender.send(each, beacon);
    thread.wait(-1, limits::announce_interval);
  }
};

announcer::announcer(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
announcer::announcer(announcer&&) noexcept = default;
announcer& announcer::operator=(announcer&&) noexcept = default;
announcer::~announcer() = default;

result<announcer> announcer::start(const announcement& what, const address& listening) {
  if (!what.key || what.port == 0)
    return fail(errc::invalid_argument, "a service without a key or a port cannot be announced");
  TROUPE_TRY(multicast_sender sender, multicast_sender::make());
  TROUPE_TRY(wakeup wake, wakeup::make());
  std::unique_ptr<implementation> made(
      new implementation{encode_beacon(what), listening, std::move(sender), background(std::move(wake))});
  TROUPE_CHECK(made->thread.start("troupe-announce", [self = made.get()] { self->announce(); }));
  return announcer(std::move(made));
}

struct browser::implementation {
  multicast_receiver receiver;
  neighbour_table table;  // guarded by `mutex`
  mutable std::mutex mutex{};
  mutable std::condition_variable changed{};
  background thread;  // last: it uses the others

  void listen() {
    receiver.join(list_ipv4_interfaces());
    thread.wait(receiver.descriptor(), limits::announce_interval);
    int count = 0;
    while (count < datagrams_per_turn && receive_one()) ++count;
    if (count == datagrams_per_turn) thread.wait(-1, turn_pause);
  }

  bool receive_one() {
    std::array<std::byte, beacon_bytes + 1> buffer;  // one more than a beacon has, so that longer ones are seen
    const auto datagram = receiver.receive(buffer);
    if (!datagram) return false;
    const auto told = decode_beacon(datagram->bytes);
    if (!told) return true;
    const std::lock_guard guard(mutex);
    if (table.heard(*told, datagram->sender, false, steady_clock::now())) changed.notify_all();
    return true;
  }
};

browser::browser(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
browser::browser(browser&&) noexcept = default;
browser& browser::operator=(browser&&) noexcept = default;
browser::~browser() = default;

result<browser> browser::start(std::vector<key_hash> wanted) {
  TROUPE_TRY(multicast_receiver receiver, multicast_receiver::make());
  TROUPE_TRY(wakeup wake, wakeup::make());
  std::unique_ptr<implementation> made(
      new implementation{std::move(receiver), neighbour_table(std::move(wanted)), {}, {}, background(std::move(wake))});
  TROUPE_CHECK(made->thread.start("troupe-browse", [self = made.get()] { self->listen(); }));
  return browser(std::move(made));
}

std::vector<neighbour> browser::neighbours() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->table.list(steady_clock::now());
}

std::vector<neighbour> browser::wait(time_point deadline, const condition& enough) const {
  std::unique_lock guard(impl_->mutex);
  for (;;) {
    auto found = impl_->table.list(steady_clock::now());
    if ((enough && enough(found)) || steady_clock::now() >= deadline) return found;
    impl_->changed.wait_until(guard, deadline);
  }
}

}  // namespace troupe::wire
