// Shares of a batch by speed.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "planner/node_times.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {
namespace {

/// Rows that a batch is taken to have for each node when the model leaves the batch open.
constexpr std::int64_t rows_a_node = 32;
/// A row takes some time, also in a model that computes nothing.
constexpr double row_least_s = 1e-12;

/// A node is done with r rows after `fixed_s + r * row_s`.
struct replica_time {
  double fixed_s = 0, row_s = 0;
};

replica_time time_of(const model_costs& costs, const planning_node& node) {
  const auto rows = static_cast<double>(costs.rows);
  replica_time made;
  made.fixed_s = node.ability.run_s + node.link.round_trip_s;
  for (const operator_cost& cost : costs.operators) {
    made.fixed_s += cost.dispatches * node.ability.dispatch_s;
    const double reading_s = static_cast<double>(cost.read_bytes) / node.ability.bytes_per_s;
    const double row_s = std::max(cost.operations / node.ability.operations_per_s,
                                  static_cast<double>(cost.activation_bytes) / node.ability.bytes_per_s) /
                         rows;
    // Weights are read once, while rows are computed.
    made.fixed_s += std::max(reading_s - row_s, 0.0);
    made.row_s += row_s;
  }
  made.row_s += (sending_s(costs.cut_bytes.front(), node.link) + sending_s(costs.cut_bytes.back(), node.link)) / rows;
  made.row_s = std::max(made.row_s, row_least_s);
  return made;
}

}  // namespace

result<placement_plan> plan_replicas(const model_costs& costs, std::vector<planning_node> nodes,
                                     const planning_options& options) {
  TROUPE_CHECK(check_planning(costs, nodes));
  placement_plan made;
  made.nodes = std::move(nodes);
  std::uint64_t weights = 0, kept = 0;
  for (const operator_cost& cost : costs.operators) {
    weights += cost.weight_bytes;
    kept += kept_bytes(cost);
  }
  const std::uint64_t memory = kept + costs.activation_bytes;

  std::vector<replica_time> times;
  std::vector<std::size_t> order;
  for (std::size_t node = 0; node < made.nodes.size(); ++node) {
    const std::string& unusable = made.nodes[node].unusable;
    times.push_back(unusable.empty() ? time_of(costs, made.nodes[node]) : replica_time());
    if (!unusable.empty())
      made.left_out.push_back({node, unusable});
    else if (made.nodes[node].ability.memory_bytes >= memory)
      order.push_back(node);
    else
      made.left_out.push_back({node, fmt::format("its {} MB of memory cannot hold the model, which needs {} MB",
                                                 made.nodes[node].ability.memory_bytes >> 20, memory >> 20)});
  }
  if (order.empty())
    return fail(errc::out_of_memory, "a replica needs {} MB, which none of the {} nodes has; use a pipeline",
                memory >> 20, made.nodes.size());

  // All nodes that take part end at the time t with (t - fixed) / row rows each. Nodes are added by their fixed time as
  // long as that is before the end of the others.
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return times[a].fixed_s < times[b].fixed_s; });
  const double rows = static_cast<double>(
      costs.rows > 1 ? costs.rows
                     : rows_a_node * static_cast<std::int64_t>(std::min(order.size(), limits::shards_max)));
  double rate = 0, offset = 0, end_s = std::numeric_limits<double>::infinity();
  std::size_t used = 0;
  for (; used < std::min(order.size(), limits::shards_max); ++used) {
    const replica_time& time = times[order[used]];
    if (time.fixed_s >= end_s && !options.use_all) break;
    rate += 1 / time.row_s;
    offset += time.fixed_s / time.row_s;
    end_s = (rows + offset) / rate;
  }
  for (std::size_t i = used; i < order.size(); ++i)
    made.left_out.push_back(
        {order[i], i >= limits::shards_max
                       ? fmt::format("a model has at most {} replicas", limits::shards_max)
                       : fmt::format("the others are done after {:.2f} ms, before it could begin ({:.2f} ms)",
                                     end_s * 1e3, times[order[i]].fixed_s * 1e3)});
  order.resize(used);
  std::sort(order.begin(), order.end());
  std::sort(made.left_out.begin(), made.left_out.end(),
            [](const left_out_node& a, const left_out_node& b) { return a.node < b.node; });

  double sum = 0;
  for (const std::size_t node : order) {
    const replica_time& time = times[node];
    // With `use_all` a node may begin after the end; it gets the least share that counts as one.
    const double share = std::max((end_s - time.fixed_s) / time.row_s, 1.0) / rows;
    planned_part part;
    part.node = node;
    part.last = costs.pieces();
    part.share = share;
    part.operators = costs.operators.size();
    part.weight_bytes = weights;
    part.memory_bytes = memory;
    made.parts.push_back(part);
    sum += share;
  }
  for (planned_part& part : made.parts) {
    part.share /= sum;
    const planning_node& node = made.nodes[part.node];
    const double part_rows = part.rows = part.share * rows;
    const double of_batch = part_rows / static_cast<double>(costs.rows);
    part.bytes_in = static_cast<std::uint64_t>(of_batch * static_cast<double>(costs.cut_bytes.front()));
    part.bytes_out = static_cast<std::uint64_t>(of_batch * static_cast<double>(costs.cut_bytes.back()));
    part.transfer_s = hop_s(part.bytes_in, node.link) + hop_s(part.bytes_out, node.link);
    part.compute_s = times[part.node].fixed_s + part_rows * times[part.node].row_s - part.transfer_s;
    made.step_s = std::max(made.step_s, part.compute_s + part.transfer_s);
    made.bytes_per_step += part.bytes_in + part.bytes_out;
  }
  made.interval_s = made.step_s;
  return made;
}

std::vector<double> speed_shares(const model_costs& costs, const std::vector<planning_node>& nodes) {
  std::vector<double> shares;
  for (const planning_node& node : nodes)
    shares.push_back(node.unusable.empty() ? 1 / predict_seconds(costs, 0, costs.pieces(), node.ability) : 0);
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace troupe
