// What one operator, or a step's bytes, take on a node: the formulae of docs/planning.md.
#pragma once

#include <algorithm>

#include "troupe/engine/planner.hpp"

namespace troupe {

/// Seconds of one operator in a run.
inline double seconds_of(const operator_cost& cost, const node_ability& on) {
  const double traffic = static_cast<double>(cost.read_bytes + cost.activation_bytes) / on.bytes_per_s;
  return std::max(cost.operations / on.operations_per_s, traffic) + cost.dispatches * on.dispatch_s;
}

/// Seconds during which a hop's bytes occupy a link.
inline double sending_s(std::uint64_t bytes, const link_ability& link) {
  return static_cast<double>(bytes) / link.bytes_per_s;
}

/// Seconds that one end of a hop adds to a step: the bytes pass its link, and half a round trip is one way.
inline double hop_s(std::uint64_t bytes, const link_ability& link) {
  return link.round_trip_s / 2 + sending_s(bytes, link);
}

/// Memory that some operators keep: weights and states.
inline std::uint64_t kept_bytes(const operator_cost& cost) {
  return cost.weight_bytes + cost.state_bytes;
}

/// An error unless there are costs and nodes to plan with, and every number is sound.
result<void> check_planning(const model_costs& costs, const std::vector<planning_node>& nodes);

}  // namespace troupe
