// Finding Troupe's processes on the local network without a server: each tells its neighbours its key and port, and
// nothing else, every second. What is heard is a rumour: anyone may claim any key; the key is proven when a link is
// made.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"
#include "troupe/transport/key_hash.hpp"

namespace troupe::limits {

/// How often a process announces itself on each interface, and when one that has fallen silent is forgotten.
inline constexpr std::chrono::milliseconds announce_interval{1000};
inline constexpr std::chrono::milliseconds neighbour_life{5000};
/// Services that a browser remembers, and hosts of each: more than a LAN has, and a bound for whoever invents some.
inline constexpr std::size_t neighbours_max = 256;
inline constexpr std::size_t neighbour_hosts_max = 4;
/// Interfaces that are used: the kernel lets a socket join 20 groups.
inline constexpr std::size_t discovery_interfaces_max = 16;

}  // namespace troupe::limits

namespace troupe::wire {

/// What a process offers. Values are sent: add at the end, never renumber.
enum class service : std::uint8_t {
  node = 1,     ///< runs parts of models
  pairing = 2,  ///< waits for somebody who types its code
};

struct announcement {
  service what = service::node;
  key_hash key;
  std::uint16_t port = 0;
};

/// A service that was heard of.
struct neighbour {
  announcement told;
  std::vector<address> addresses;  ///< where from, with its port; this machine's loopback interface first
};

/// Announces a service until it is destroyed, from a thread of its own: by multicast (UDP 7384, group 239.84.82.80,
/// which no router passes on) on each IPv4 interface on which `listening` can be reached, so on the loopback interface
/// alone when it listens there. Interfaces may come and go.
class announcer {
public:
  /// `invalid_argument` without a key or port, `unavailable` when there is no socket or thread.
  static result<announcer> start(const announcement& what, const address& listening);
  announcer(announcer&&) noexcept;
  announcer& operator=(announcer&&) noexcept;
  ~announcer();

private:
  struct implementation;
  explicit announcer(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

/// Listens to what neighbours announce until it is destroyed, on a thread of its own. Safe to use from several threads.
class browser {
public:
  /// However many others are announced, services of the `wanted` keys are remembered. `unavailable` when there is no
  /// socket or thread.
  static result<browser> start(std::vector<key_hash> wanted = {});
  browser(browser&&) noexcept;
  browser& operator=(browser&&) noexcept;
  ~browser();

  /// Who was heard within the last `limits::neighbour_life`, by service, key and port.
  std::vector<neighbour> neighbours() const;

  /// Waits until `enough` holds for what has been heard, or `deadline`; gives what there is then.
  using condition = std::function<bool(const std::vector<neighbour>&)>;
  std::vector<neighbour> wait(time_point deadline, const condition& enough = {}) const;

private:
  struct implementation;
  explicit browser(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe::wire
