// Decides which node computes which part of a model, and says why. A pure function of what was measured: no clock, no
// network, no actors. docs/planning.md tells how it decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "troupe/engine/ability.hpp"
#include "troupe/engine/model_costs.hpp"

namespace troupe {

/// A node that may be used.
struct planning_node {
  std::string name;
  node_ability ability;
  link_ability link;          ///< to the other nodes and to who wants the outputs
  std::string unusable = {};  ///< why it cannot be planned with; empty: it can
};

struct planning_options {
  /// Requests that are under way at once; 0: as many as keep every part busy (one more than there are parts).
  std::size_t in_flight = 0;
  /// Use every node, also one that makes each step longer.
  bool use_all = false;
};

/// What one node does.
struct planned_part {
  std::size_t node = 0;   ///< index into `placement_plan::nodes`
  std::size_t first = 0;  ///< pieces `first` to `last` - 1 of the model (`model_costs`)
  std::size_t last = 0;
  double share = 1;  ///< of each batch, for replicas; the shares of all sum to 1
  double rows = 1;   ///< of the batch that was planned with, for replicas
  std::size_t operators = 0;
  std::uint64_t weight_bytes = 0;  ///< a weight that several operators of the part use is counted by each
  std::uint64_t memory_bytes = 0;  ///< weights, states and activations
  double compute_s = 0;            ///< of one step
  std::uint64_t bytes_in = 0;      ///< that come over the node's link each step
  std::uint64_t bytes_out = 0;
  double transfer_s = 0;  ///< that the link adds to each step, both ways
};

struct left_out_node {
  std::size_t node = 0;
  std::string why;  ///< "its link adds 4.1 ms to a step, it would save 1.2 ms"
};

/// Parts are in the order in which a request passes them, or replicas in the order of their nodes.
struct placement_plan {
  std::vector<planning_node> nodes;  ///< all that were considered, as given
  std::vector<planned_part> parts;
  std::vector<left_out_node> left_out;
  double step_s = 0;                 ///< from the inputs of a request to its outputs, when nothing else is under way
  double interval_s = 0;             ///< from one result to the next, with `planning_options::in_flight` under way
  std::uint64_t bytes_per_step = 0;  ///< over all links together, each hop between two processes counted once
};

/// Cuts the model over some of the nodes, in the order given or sorted by speed, so that results follow each other
/// fastest: within 2 % of the shortest interval, the plan with the shortest step. `out_of_memory` when the nodes
/// cannot hold the model together. Time grows with pieces times nodes (of more than `limits::shards_max`, the best by
/// speed and link are considered), times the logarithm of the precision.
result<placement_plan> plan_pipeline(const model_costs& costs, std::vector<planning_node> nodes,
                                     const planning_options& options = {});

/// Gives each node the whole model and a share of the batch, so that all end at the same time; a node gets none when
/// all others are done before it could begin. `out_of_memory` when no node can hold the model.
result<placement_plan> plan_replicas(const model_costs& costs, std::vector<planning_node> nodes,
                                     const planning_options& options = {});

/// The plan in which part k runs on `nodes[where[k]]` and begins with piece `first[k]`: what it would take. Memory is
/// reported, not checked.
result<placement_plan> predict_pipeline(const model_costs& costs, std::vector<planning_node> nodes,
                                        const std::vector<std::size_t>& where, const std::vector<std::size_t>& first,
                                        const planning_options& options = {});

/// How much of every operator each node should compute when all work on the same one (slices of tensors): proportional
/// to the speed at which it would run the whole model. Sums to 1.
std::vector<double> speed_shares(const model_costs& costs, const std::vector<planning_node>& nodes);

/// Seconds that the operators of pieces `first` to `last` - 1 take on a node of this ability, in one run: for each the
/// longer of arithmetic and memory traffic, and its dispatches.
double predict_seconds(const model_costs& costs, std::size_t first, std::size_t last, const node_ability& on);

}  // namespace troupe
