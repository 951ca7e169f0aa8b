// A network in virtual time: links with real frames, checksums and heartbeats between nodes of one thread, over paths
// that delay, narrow, block and damage what they carry. For simulations and tests.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "troupe/transport/link_network.hpp"

namespace troupe::wire {

/// Random numbers that are the same everywhere (splitmix64).
class seeded_numbers {
public:
  explicit seeded_numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Less than `bound`, which is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

private:
  std::uint64_t state_;
};

/// What happens later, in the order of its times; at the same time, in the order in which it was said.
class timeline {
public:
  explicit timeline(time_point start) : now_(start) {}
  time_point now() const noexcept { return now_; }
  void at(time_point when, std::function<void()> what) { due_.emplace(std::max(when, now_), std::move(what)); }
  void after(duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  /// When the next thing is due; nothing: never.
  std::optional<time_point> next() const;
  /// Time goes on; not beyond `next()`.
  void advance(time_point to) { now_ = std::max(now_, to); }
  /// Does the next thing; there must be one that is due now.
  void run_next();
  std::size_t size() const noexcept { return due_.size(); }
  void clear() { due_.clear(); }

private:
  time_point now_;
  std::multimap<time_point, std::function<void()>> due_;
};

/// One direction between two nodes.
struct path {
  bool blocked = false;  ///< what is sent waits, as with packets that are lost and sent again
  duration delay = std::chrono::microseconds(60), jitter = std::chrono::microseconds(80);
  double bytes_per_s = 117.5e6;
};

/// `truncate`: only its beginning arrives, and then the connection breaks.
enum class frame_damage : std::uint8_t { flip, truncate, duplicate };

/// One thread only.
class simulated_network {
public:
  struct observer {
    /// Something is about to run on a node: a handler of its links, or what was given to `connect` and `listen`.
    std::function<void(std::uint32_t node)> entering;
    /// A frame has arrived; `digest` is of its header.
    std::function<void(std::uint32_t from, std::uint32_t to, std::uint64_t digest)> delivered;
    /// A node has lost a link, and why.
    std::function<void(std::uint32_t node, std::uint32_t peer, const error& why)> closed;
    /// A frame that was damaged has passed all checks.
    std::function<void(std::uint32_t from, std::uint32_t to)> accepted_damage;
  };

  simulated_network(timeline& time, std::uint64_t seed, observer told = {});
  simulated_network(const simulated_network&) = delete;
  simulated_network& operator=(const simulated_network&) = delete;
  ~simulated_network();

  /// The network as node `node` sees it, for one life of it.
  std::shared_ptr<link_network> attach(std::uint32_t node);
  static std::string address_of(std::uint32_t node);

  /// From now on. What a path held back when it was blocked arrives when it is not any more.
  void set_path(std::uint32_t from, std::uint32_t to, const path& conditions);
  path path_of(std::uint32_t from, std::uint32_t to) const;
  /// False when there is no link between the two.
  bool reset(std::uint32_t one, std::uint32_t other);
  /// Damages the next frame from one to the other.
  void damage_next(std::uint32_t from, std::uint32_t to, frame_damage how);
  /// Frames that were damaged so far, by `frame_damage`.
  std::uint32_t damaged(frame_damage how) const;
  /// The node does nothing until `thaw`: what arrives waits, and it sends no sign of life.
  void freeze(std::uint32_t node);
  void thaw(std::uint32_t node);
  /// The life of the node is over. Its peers hear of it, or nothing at all.
  void sever(std::uint32_t node, bool silently);
  /// Links that have not ended on both sides.
  std::size_t links() const;
  /// Bytes that wait at one end, the most that any had so far.
  std::size_t queued_bytes_seen() const;

  struct implementation;

private:
  std::shared_ptr<implementation> impl_;
};

}  // namespace troupe::wire
