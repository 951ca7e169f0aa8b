#include <algorithm>
#include <cmath>
#include <numeric>

#include "planner/node_times.hpp"
#include "planner/stage_search.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe {
namespace {

/// How close to the shortest possible interval a plan must be; among those, the shortest step wins. A node that makes
/// less than this of a difference is not worth another part that can fail.
constexpr double tolerance = 1.02;
/// Intervals are found to this part of themselves, by halving a range so often at most.
constexpr double precision = 1e-6;
constexpr int halvings = 60;
/// So few nodes are tried in every order, 120 at most; more only as given, fastest first and slowest first.
constexpr std::size_t permuted_nodes_max = 5;
/// Requests under way that keep all parts busy: one a part and one on its way.
std::size_t under_way(const planning_options& options, std::size_t parts) {
  return options.in_flight == 0 ? parts + 1 : options.in_flight;
}

stage_costs stage_costs_of(const model_costs& costs, const planning_node& node) {
  stage_costs made;
  made.compute_s = {0};
  for (std::size_t k = 0; k < costs.pieces(); ++k) {
    double sum = made.compute_s.back();
    for (std::size_t i = costs.cuts[k]; i < costs.piece_end(k); ++i)
      sum += seconds_of(costs.operators[i], node.ability);
    made.compute_s.push_back(sum);
  }
  made.run_s = node.ability.run_s;
  for (const std::uint64_t bytes : costs.cut_bytes) {
    made.hop_s.push_back(hop_s(bytes, node.link));
    made.hop_busy_s.push_back(sending_s(bytes, node.link));
  }
  made.memory_bytes = node.ability.memory_bytes - std::min(node.ability.memory_bytes, costs.activation_bytes);
  return made;
}

std::vector<std::uint64_t> kept_bytes_of(const model_costs& costs) {
  std::vector<std::uint64_t> sums{0};
  for (std::size_t k = 0; k < costs.pieces(); ++k) {
    std::uint64_t sum = sums.back();
    for (std::size_t i = costs.cuts[k]; i < costs.piece_end(k); ++i) sum += kept_bytes(costs.operators[i]);
    sums.push_back(sum);
  }
  return sums;
}

planned_part describe(const model_costs& costs, const std::vector<planning_node>& nodes, const found_stage& stage) {
  const planning_node& on = nodes[stage.node];
  planned_part made;
  made.node = stage.node;
  made.first = stage.first;
  made.last = stage.last;
  const std::size_t begin = costs.cuts[stage.first], end = costs.piece_end(stage.last - 1);
  made.operators = end - begin;
  for (std::size_t i = begin; i < end; ++i) {
    made.weight_bytes += costs.operators[i].weight_bytes;
    made.memory_bytes += kept_bytes(costs.operators[i]);
  }
  made.memory_bytes += costs.activation_bytes;
  made.compute_s = predict_seconds(costs, stage.first, stage.last, on.ability) + on.ability.run_s;
  made.bytes_in = costs.cut_bytes[stage.first];
  made.bytes_out = costs.cut_bytes[stage.last];
  made.transfer_s = hop_s(made.bytes_in, on.link) + hop_s(made.bytes_out, on.link);
  return made;
}

/// Fills in what follows from the parts.
void add_totals(const planning_options& options, placement_plan& made) {
  double longest = 0;
  std::vector<double> busy_s(made.nodes.size(), 0);  // parts of one node take turns
  for (const planned_part& part : made.parts) {
    const link_ability& link = made.nodes[part.node].link;
    busy_s[part.node] += part.compute_s;
    longest = std::max({longest, busy_s[part.node], sending_s(part.bytes_in, link), sending_s(part.bytes_out, link)});
    made.step_s += part.compute_s + part.transfer_s;
  }
  // Who asks is on a node with the link of a process to itself; nothing travels between it and such a node.
  bool was_here = true;
  for (const planned_part& part : made.parts) {
    const bool is_here = made.nodes[part.node].link == link_ability();
    if (!was_here || !is_here) made.bytes_per_step += part.bytes_in;
    was_here = is_here;
  }
  if (!was_here) made.bytes_per_step += made.parts.back().bytes_out;
  made.interval_s = std::max(longest, made.step_s / static_cast<double>(under_way(options, made.parts.size())));
}

/// Finds the parts; `nodes` are the candidates.
class pipeline_search {
public:
  pipeline_search(const model_costs& costs, const std::vector<planning_node>& nodes, const planning_options& options)
      : options_(options), piece_bytes_(kept_bytes_of(costs)) {
    for (const planning_node& node : nodes)
      stages_.push_back(node.unusable.empty() ? stage_costs_of(costs, node) : stage_costs());
  }

  /// Seconds that the whole model takes on a node, by which nodes are compared.
  double alone_s(std::size_t node) const {
    const stage_costs& costs = stages_[node];
    return costs.compute_s.back() + costs.run_s + costs.hop_s.front() + costs.hop_s.back();
  }

  /// Stages whose nodes are numbers of candidates; nothing when the model does not fit.
  std::optional<std::vector<found_stage>> best(const std::vector<std::size_t>& candidates) const {
    std::optional<outcome> best;
    const auto consider = [&](const std::vector<std::size_t>& order) {
      auto found = best_in_order(order);
      if (found && (!best || found->interval_s < best->interval_s * (1 - precision))) best = std::move(found);
    };
    consider(candidates);
    std::vector<std::size_t> order = candidates;
    if (order.size() <= permuted_nodes_max) {
      while (std::next_permutation(order.begin(), order.end())) consider(order);
    } else {
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return alone_s(a) < alone_s(b); });
      consider(order);
      std::reverse(order.begin(), order.end());
      consider(order);
    }
    if (!best) return std::nullopt;
    return best->stages;
  }

private:
  struct outcome {
    double interval_s = 0;
    std::vector<found_stage> stages;
  };

  std::optional<outcome> best_in_order(const std::vector<std::size_t>& order) const {
    std::vector<const stage_costs*> nodes;
    for (const std::size_t node : order) nodes.push_back(&stages_[node]);
    const auto search = [&](double interval_s, double bonus_s) {
      return search_stages(nodes, piece_bytes_, {interval_s, bonus_s, options_.use_all});
    };
    // With an unlimited interval this is the plan of the shortest step, whatever fits.
    const auto shortest_step = search(std::numeric_limits<double>::infinity(), 0);
    if (!shortest_step) return std::nullopt;

    // An interval is possible when the stages take no longer each, and a step no longer than as many intervals as
    // there are requests under way: n + 1 for n stages, hence the bonus of one interval for each.
    const bool busy = options_.in_flight == 0;
    const auto within = [&](double interval_s) -> std::optional<found_stages> {
      auto found = search(interval_s, busy ? interval_s : 0);
      const double allowed = interval_s * static_cast<double>(busy ? 1 : options_.in_flight);
      if (!found || found->cost > allowed) return std::nullopt;
      return found;
    };
    double low = 0, high = shortest_step->cost;  // a step alone takes its interval and more
    std::optional<found_stages> fastest = within(high);
    for (int i = 0; i < halvings && high - low > precision * high; ++i) {
      const double middle = low + (high - low) / 2;
      if (auto found = within(middle)) {
        high = middle;
        fastest = std::move(found);
      } else {
        low = middle;
      }
    }
    if (!fastest) fastest = shortest_step;  // rounding only: the shortest step is within its own length

    const double good_enough = high * tolerance;
    if (auto plain = search(good_enough, 0)) {
      const double requests = static_cast<double>(under_way(options_, plain->stages.size()));
      if (plain->cost <= good_enough * requests) fastest = std::move(plain);
    }
    outcome made{high, std::move(fastest->stages)};
    for (found_stage& stage : made.stages) stage.node = order[stage.node];
    return made;
  }

  planning_options options_;
  std::vector<std::uint64_t> piece_bytes_;
  std::vector<stage_costs> stages_;
};

std::string text_of_time(double seconds) {
  return seconds < 1 ? fmt::format("{:.2f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

/// Why nodes got nothing, estimated: the least that a node's link can add to a step, against what would be saved if it
/// took its share of the computing.
class reasons_left_out {
public:
  reasons_left_out(const model_costs& costs, const placement_plan& made, const planning_options& options)
      : costs_(costs), made_(made), options_(options) {
    const std::vector<std::uint64_t> kept = kept_bytes_of(costs);
    for (std::size_t k = 0; k + 1 < kept.size(); ++k)
      smallest_bytes_ = std::min(smallest_bytes_, kept[k + 1] - kept[k]);
    for (const planned_part& part : made.parts) used_speed_ += speed_of(made.nodes[part.node]);
  }

  std::string of(std::size_t node) const {
    const planning_node& left = made_.nodes[node];
    if (!left.unusable.empty()) return left.unusable;
    if (left.ability.memory_bytes < smallest_bytes_ + costs_.activation_bytes)
      return fmt::format("its {} MB of memory hold no part of the model", left.ability.memory_bytes >> 20);
    if (options_.in_flight == 1) return "with one request under way, a further part would only add a hop to it";
    const double own = speed_of(left);
    const double saves_s = made_.interval_s * own / (used_speed_ + own);
    const double adds_s = 2 * hop_s(fewest_bytes_, left.link) + left.ability.run_s;
    if (adds_s > saves_s)
      return fmt::format("its part and link add {} to a step, it would save {}", text_of_time(adds_s),
                         text_of_time(saves_s));
    return "no cut of the model gives it a part that makes results come faster";
  }

private:
  /// Whole models a second.
  double speed_of(const planning_node& node) const {
    return 1 / predict_seconds(costs_, 0, costs_.pieces(), node.ability);
  }

  const model_costs& costs_;
  const placement_plan& made_;
  const planning_options& options_;
  std::uint64_t smallest_bytes_ = std::numeric_limits<std::uint64_t>::max();  ///< of a piece
  const std::uint64_t fewest_bytes_ = *std::min_element(costs_.cut_bytes.begin(), costs_.cut_bytes.end());
  double used_speed_ = 0;  ///< of all nodes that have parts, together
};

}  // namespace

result<void> check_planning(const model_costs& costs, const std::vector<planning_node>& nodes) {
  if (costs.pieces() == 0 || costs.operators.empty())
    return error(errc::invalid_argument, "the model has no operators to place");
  if (costs.cut_bytes.size() != costs.pieces() + 1)
    return fail(errc::invalid_argument, "{} cuts have {} sizes; one more is needed", costs.pieces(),
                costs.cut_bytes.size());
  if (nodes.empty()) return error(errc::invalid_argument, "there is no node to plan with");
  for (const planning_node& node : nodes) {
    if (!node.unusable.empty()) continue;
    TROUPE_CHECK(check(node.ability).while_doing(fmt::format("planning with node {}", node.name)));
    if (!(node.link.bytes_per_s > 0) || !(node.link.round_trip_s >= 0) || !std::isfinite(node.link.round_trip_s))
      return fail(errc::invalid_argument, "the link to node {} has a round trip of {} s and {} bytes a second",
                  node.name, node.link.round_trip_s, node.link.bytes_per_s);
  }
  if (std::all_of(nodes.begin(), nodes.end(), [](const planning_node& node) { return !node.unusable.empty(); }))
    return fail(errc::unavailable, "there is no node to plan with; node {}: {}", nodes[0].name, nodes[0].unusable);
  return {};
}

double predict_seconds(const model_costs& costs, std::size_t first, std::size_t last, const node_ability& on) {
  double sum = 0;
  for (std::size_t i = costs.cuts[first]; i < costs.piece_end(last - 1); ++i) sum += seconds_of(costs.operators[i], on);
  return sum;
}

result<placement_plan> plan_pipeline(const model_costs& costs, std::vector<planning_node> nodes,
                                     const planning_options& options) {
  TROUPE_CHECK(check_planning(costs, nodes));
  const pipeline_search search(costs, nodes, options);
  std::vector<std::size_t> candidates;
  for (std::size_t node = 0; node < nodes.size(); ++node)
    if (nodes[node].unusable.empty()) candidates.push_back(node);
  if (options.use_all && candidates.size() > std::min(costs.pieces(), limits::shards_max))
    return fail(errc::invalid_argument,
                "{} nodes cannot all be used: the model can be cut into {} parts, and {} are the most",
                candidates.size(), costs.pieces(), limits::shards_max);
  if (candidates.size() > limits::shards_max) {
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](std::size_t a, std::size_t b) { return search.alone_s(a) < search.alone_s(b); });
    candidates.resize(limits::shards_max);
    std::sort(candidates.begin(), candidates.end());
  }
  const auto stages = search.best(candidates);
  if (!stages) {
    std::uint64_t offered = 0;
    for (const std::size_t node : candidates) offered += nodes[node].ability.memory_bytes;
    return fail(errc::out_of_memory,
                "the model needs {} MB and {} MB more on each node for activations, which the {} nodes with {} MB "
                "together cannot hold; add nodes or use a smaller type",
                kept_bytes_of(costs).back() >> 20, costs.activation_bytes >> 20, candidates.size(), offered >> 20);
  }
  placement_plan made;
  made.nodes = std::move(nodes);
  for (const found_stage& stage : *stages) made.parts.push_back(describe(costs, made.nodes, stage));
  add_totals(options, made);
  const reasons_left_out reasons(costs, made, options);
  std::vector<bool> used(made.nodes.size(), false);
  for (const planned_part& part : made.parts) used[part.node] = true;
  for (std::size_t node = 0; node < made.nodes.size(); ++node)
    if (!used[node]) made.left_out.push_back({node, reasons.of(node)});
  return made;
}

result<placement_plan> predict_pipeline(const model_costs& costs, std::vector<planning_node> nodes,
                                        const std::vector<std::size_t>& where, const std::vector<std::size_t>& first,
                                        const planning_options& options) {
  TROUPE_CHECK(check_planning(costs, nodes));
  if (where.size() != first.size() || first.empty() || first[0] != 0)
    return error(errc::invalid_argument, "a pipeline has a node for each part, and its first part begins with piece 0");
  placement_plan made;
  made.nodes = std::move(nodes);
  for (std::size_t k = 0; k < first.size(); ++k) {
    const std::size_t last = k + 1 < first.size() ? first[k + 1] : costs.pieces();
    if (where[k] >= made.nodes.size() || !made.nodes[where[k]].unusable.empty() || first[k] >= last ||
        last > costs.pieces())
      return fail(errc::invalid_argument, "part {} of the pipeline has no node that can be used, or no pieces", k);
    made.parts.push_back(describe(costs, made.nodes, {where[k], first[k], last}));
  }
  add_totals(options, made);
  return made;
}

}  // namespace troupe
