// The actors of this process that peers may address.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_addr.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "troupe/transport/node_id.hpp"

namespace troupe {

/// The number under which every process's node actor is reached. Those of all others are random.
inline constexpr std::uint64_t node_actor_number = 1;

/// Numbers of local actors on the wire. They are random, so that knowing one is the permission to address its actor.
/// Being reachable keeps nobody alive; who has ended is forgotten. Safe to use from any thread.
class exported_actors : public std::enable_shared_from_this<exported_actors> {
public:
  /// `random_bits` gives bits that nobody guesses.
  explicit exported_actors(std::function<result<wire::node_id>()> random_bits) : random_bits_(std::move(random_bits)) {}

  /// Nobody when there is no such actor (any more).
  caf::actor find(std::uint64_t number) const;
  /// The number of the actor, which it gets when it has none; 0 when there are no random numbers to be had.
  std::uint64_t publish(const caf::actor& handle);
  void publish_as(std::uint64_t number, const caf::actor& handle);

private:
  void forget(std::uint64_t number, caf::actor_id id, const caf::actor_addr& address);

  const std::function<result<wire::node_id>()> random_bits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, caf::actor_addr> exported_;
  std::unordered_map<caf::actor_id, std::uint64_t> numbers_;  // by those that CAF gave them
};

}  // namespace troupe
