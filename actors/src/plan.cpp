#include "plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "random_number.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {
namespace {

result<void> check_options(std::size_t networks, const load_options& options) {
  if (options.shards > limits::shards_max)
    return fail(errc::invalid_argument, "{} shards were asked for; 1 to {} are possible, or 0 for the planner's choice",
                options.shards, limits::shards_max);
  if (options.storage != dtype::f16 && options.storage != dtype::f32)
    return fail(errc::invalid_argument, "{} is not a storage type; float16 and float32 are",
                to_string(options.storage));
  if (!(options.tolerance >= 0) || !std::isfinite(options.tolerance))
    return fail(errc::invalid_argument, "the tolerance {} is not a number of at least 0", options.tolerance);
  if (options.compress_activations && (options.parallel != parallel_mode::pipeline || options.storage != dtype::f16))
    return error(errc::invalid_argument,
                 "only what travels as float16 between the stages of a pipeline can be compressed; load the model as "
                 "a pipeline with storage float16, or without compress_activations");
  const bool ensemble = options.parallel == parallel_mode::ensemble;
  if (networks == 0) return fail(errc::invalid_argument, "no model was given");
  if (!ensemble && networks != 1)
    return fail(errc::invalid_argument, "{} models were given; only an ensemble takes more than one", networks);
  const bool weighted =
      ensemble ? options.join == join_policy::weighted_mean
               : options.shards > 0 && !options.placement &&
                     ((options.parallel == parallel_mode::data && options.split == split_policy::weighted) ||
                      (options.parallel == parallel_mode::tensor && !options.weights.empty()));
  if (!weighted) return {};
  const std::size_t members = ensemble ? networks : options.shards;
  if (options.weights.size() != members)
    return fail(errc::invalid_argument, "{} weights were given for {} shards; give one for each",
                options.weights.size(), members);
  for (const double weight : options.weights)
    if (!(weight > 0) || !std::isfinite(weight))
      return fail(errc::invalid_argument, "the weight {} is not a positive number", weight);
  return {};
}

/// Exchanges are for slices that we cut ourselves: alone, a part would wait for others that do not exist.
result<void> check_no_exchange(const graph& network) {
  result<void> outcome;
  for_each_node(network, [&](const node& step) {
    if (step.domain == own_domain && step.op == exchange_op)
      outcome =
          fail(errc::unsupported, "{} is an operator of slices of a model; load the whole model", step.describe());
  });
  return outcome;
}

bool same_interface(const graph& a, const graph& b) {
  const auto same = [&](const std::vector<value_id>& x, const std::vector<value_id>& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [&](value_id i, value_id j) {
      const bool rank_differs =
          a.values[i].dims && b.values[j].dims && a.values[i].dims->size() != b.values[j].dims->size();
      return a.values[i].type == b.values[j].type && !rank_differs;
    });
  };
  return same(a.inputs, b.inputs) && same(a.outputs, b.outputs);
}

std::vector<std::int64_t> proportional(std::int64_t rows, const std::vector<double>& weights) {
  // Largest remainder: every share is within one row of its exact proportion.
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> shares(weights.size());
  std::vector<std::pair<double, std::size_t>> remainders;
  std::int64_t given = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double exact = static_cast<double>(rows) * weights[i] / total;
    shares[i] = static_cast<std::int64_t>(std::floor(exact));
    given += shares[i];
    remainders.emplace_back(static_cast<double>(shares[i]) - exact, i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t i = 0; given < rows; ++i, ++given) ++shares[remainders[i % remainders.size()].second];
  return shares;
}

planning_options wishes_of(const load_options& options) {
  return {options.planning.in_flight, options.planning.use_all};
}

result<model_costs> costs_of(const graph& network, const load_options& options, const operator_table& operators) {
  TROUPE_TRY(auto costs, predict_costs(network, operators, options.storage, options.planning.inputs));
  // int8 and a scale for each row of 32 or more instead of float16; inputs and outputs of the model travel as they are.
  if (options.compress_activations)
    for (std::size_t cut = 1; cut + 1 < costs.cut_bytes.size(); ++cut)
      costs.cut_bytes[cut] -= costs.cut_bytes[cut] / 16 * 7;
  return costs;
}

/// Asks the planner about an optimised network.
result<placement_plan> place(const graph& network, const load_options& options, const operator_table& operators,
                             const std::vector<planning_node>& nodes) {
  TROUPE_TRY(const auto costs, costs_of(network, options, operators));
  const planning_options wishes = wishes_of(options);
  switch (options.parallel) {
    case parallel_mode::pipeline: return plan_pipeline(costs, nodes, wishes);
    case parallel_mode::data: return plan_replicas(costs, nodes, wishes);
    case parallel_mode::tensor:
      return error(errc::unsupported, "slices are divided by the speed of the nodes, without a plan of their own");
    case parallel_mode::ensemble: break;
  }
  return error(errc::unsupported, "members of an ensemble are whole models, which are not planned");
}

/// Makes the parts of a plan for an optimised network.
result<void> follow(const placement_plan& placed, const graph& network, const load_options& options,
                    const operator_table& operators, plan& made) {
  if (placed.parts.empty()) return error(errc::invalid_argument, "a placement without parts cannot be loaded");
  const auto host = [&](std::size_t part) { return static_cast<std::uint32_t>(placed.parts[part].node); };
  if (made.mode == parallel_mode::data) {
    made.replicas = static_cast<std::uint32_t>(placed.parts.size());
    made.split = options.placement || options.planning.fixed ? split_policy::weighted : split_policy::measured;
    made.weights.clear();
    const auto whole = std::make_shared<const graph>(network);
    for (std::uint32_t replica = 0; replica < made.replicas; ++replica) {
      const double share = placed.parts[replica].share;
      if (!(share > 0) || !std::isfinite(share))
        return fail(errc::invalid_argument, "the share {} of a replica is not a positive number", share);
      made.weights.push_back(share);
      made.parts.push_back({replica, 0, whole, host(replica)});
    }
    return {};
  }
  made.stages = static_cast<std::uint32_t>(placed.parts.size());
  std::vector<std::size_t> first;
  for (const planned_part& part : placed.parts) first.push_back(part.first);
  TROUPE_TRY(auto parts, cut_pipeline_at(network, first, operators, options.storage));
  if (options.compress_activations) TROUPE_CHECK(compress_cuts(parts));
  for (std::uint32_t stage = 0; stage < made.stages; ++stage)
    made.parts.push_back({0, stage, std::make_shared<const graph>(std::move(parts[stage])), host(stage)});
  return {};
}

/// What the plan of a pipeline is followed with while it runs. Parts stay where they are when nothing can be predicted.
std::shared_ptr<const plan_basis> basis_of(const graph& network, const load_options& options,
                                           const operator_table& operators, const plan& made) {
  if (options.planning.fixed || made.mode != parallel_mode::pipeline || (made.parts.size() < 2 && !made.placement))
    return nullptr;
  auto costs = costs_of(network, options, operators);
  if (!costs) return nullptr;
  auto basis = std::make_shared<plan_basis>();
  basis->costs = std::move(*costs);
  basis->options = wishes_of(options);
  basis->surveyed = made.placement.has_value();
  if (made.placement) {
    for (const planned_part& part : made.placement->parts) basis->first.push_back(part.first);
    return basis;
  }
  auto first = even_cuts(network, made.stages, operators, options.storage);
  if (!first) return nullptr;
  basis->first = std::move(*first);
  return basis;
}

/// Slices of an optimised network: `weights` or equal shares for a given number, otherwise one on each node, by speed.
result<void> slice(const graph& network, const load_options& options, const operator_table& operators,
                   const std::vector<planning_node>& nodes, plan& made) {
  std::vector<double> shares = options.weights;
  std::vector<std::optional<std::uint32_t>> hosts;
  if (options.shards > 0 || nodes.empty()) {
    if (shares.empty()) shares.assign(std::max<std::size_t>(options.shards, 1), 1.0);
    hosts.resize(shares.size());
  } else {
    TROUPE_TRY(const auto costs, costs_of(network, options, operators));
    const auto speeds = speed_shares(costs, nodes);
    shares.clear();
    for (std::uint32_t host = 0; host < speeds.size(); ++host) {
      if (!(speeds[host] > 0)) continue;
      shares.push_back(speeds[host]);
      hosts.push_back(host);
    }
  }
  TROUPE_TRY(auto parts, cut_tensor(network, shares, operators));
  made.stages = static_cast<std::uint32_t>(parts.size());  // one, when nothing can be divided into slices
  for (std::uint32_t stage = 0; stage < made.stages; ++stage)
    made.parts.push_back({0, stage, std::make_shared<const graph>(std::move(parts[stage])), hosts[stage]});
  return {};
}

}  // namespace

result<plan> make_plan(std::span<const graph> networks, const load_options& options, const operator_table& operators,
                       const std::vector<planning_node>& nodes) {
  TROUPE_CHECK(check_options(networks.size(), options));
  plan made;
  made.mode = options.parallel;
  made.split = options.split;
  made.join = options.join;
  made.weights = options.weights;
  made.seed = options.seed;
  made.storage = options.storage;
  made.tolerance = options.tolerance;
  made.replicas = made.mode == parallel_mode::data
                      ? static_cast<std::uint32_t>(std::max<std::size_t>(options.shards, 1))
                      : static_cast<std::uint32_t>(networks.size());
  for (std::uint32_t replica = 0; replica < made.replicas; ++replica) {
    if (made.mode == parallel_mode::data && replica > 0) {
      made.parts.push_back({replica, 0, made.parts.front().network, {}});
      continue;
    }
    const graph& original = networks[made.mode == parallel_mode::ensemble ? replica : 0];
    TROUPE_CHECK(check_operators(original, operators));
    TROUPE_CHECK(check_no_exchange(original));
    if (replica > 0 && !same_interface(networks[0], original))
      return fail(errc::invalid_argument, "model {} of the ensemble has other inputs or outputs than the first",
                  replica + 1);
    graph network = original;
    TROUPE_CHECK(optimize(network, operators));
    // Before cutting: a whole model and its parts must be the same computation, bit for bit.
    if (!network.states.empty() && made.mode != parallel_mode::pipeline)
      return fail(errc::invalid_argument,
                  "the model keeps {} states from run to run, which would be apart on each replica; load it with "
                  "parallel_mode::pipeline",
                  network.states.size());
    made.stateful = !network.states.empty();
    const bool plannable = made.mode == parallel_mode::pipeline || made.mode == parallel_mode::data;
    std::optional<placement_plan> placed;
    if (plannable) placed = options.placement;
    if (plannable && !placed && options.shards == 0 && !nodes.empty()) {
      TROUPE_TRY(placed, place(network, options, operators, nodes));
    }
    if (placed) {
      TROUPE_CHECK(follow(*placed, network, options, operators, made));
      if (options.placement) return made;  // to be carried out as it is
      made.placement = std::move(placed);
      made.basis = basis_of(network, options, operators, made);
      return made;
    }
    if (made.mode == parallel_mode::tensor) {
      TROUPE_CHECK(slice(network, options, operators, nodes, made));
      return made;
    }
    if (made.mode == parallel_mode::pipeline)
      made.stages = static_cast<std::uint32_t>(std::max<std::size_t>(options.shards, 1));
    TROUPE_TRY(auto parts, cut_pipeline(network, made.stages, operators, options.storage));
    if (options.compress_activations) TROUPE_CHECK(compress_cuts(parts));
    for (std::uint32_t stage = 0; stage < made.stages; ++stage)
      made.parts.push_back({replica, stage, std::make_shared<const graph>(std::move(parts[stage])), {}});
    made.basis = basis_of(network, options, operators, made);
  }
  return made;
}

result<placement_plan> make_placement(const graph& network, const load_options& options,
                                      const operator_table& operators, const std::vector<planning_node>& nodes) {
  TROUPE_CHECK(check_options(1, options));
  TROUPE_CHECK(check_operators(network, operators));
  graph whole = network;
  TROUPE_CHECK(optimize(whole, operators));
  if (options.shards == 0) return place(whole, options, operators, nodes);
  if (options.parallel != parallel_mode::pipeline)
    return error(errc::unsupported,
                 "only pipelines of given length are predicted; leave the number of replicas to the planner");
  TROUPE_TRY(const auto costs, costs_of(whole, options, operators));
  TROUPE_TRY(const auto first, even_cuts(whole, options.shards, operators, options.storage));
  // Other nodes come first, this process, which does their work only when there are none, is the last.
  const std::size_t usable = std::max<std::size_t>(nodes.size() - 1, 1);
  std::vector<std::size_t> where;
  for (std::size_t part = 0; part < first.size(); ++part)
    where.push_back(first_host(options.parallel, part, first.size(), usable));
  return predict_pipeline(costs, nodes, where, first, {options.planning.in_flight, options.planning.use_all});
}

std::uint32_t first_host(parallel_mode mode, std::size_t part, std::size_t parts, std::size_t usable) {
  const bool spread = mode != parallel_mode::pipeline;
  return static_cast<std::uint32_t>(spread ? part % usable : part * usable / std::max(parts, usable));
}

live_shares shares_of(const plan& layout) {
  std::vector<double> shares = layout.weights, link_s(layout.replicas, 0);
  if (layout.split != split_policy::measured || shares.size() != layout.replicas)
    shares.assign(layout.replicas, 1.0 / layout.replicas);
  if (layout.placement && layout.mode == parallel_mode::data)
    for (std::size_t k = 0; k < layout.placement->parts.size(); ++k)
      link_s[k] = layout.placement->parts[k].transfer_s / layout.placement->parts[k].rows;
  return {std::move(shares), std::move(link_s)};
}

std::vector<std::int64_t> split_rows(const plan& layout, std::int64_t rows, std::uint64_t request,
                                     const std::vector<double>& measured) {
  const std::size_t replicas = layout.replicas;
  if (layout.split == split_policy::measured) {
    auto shares = proportional(rows, measured);
    if (request % live_shares_limits::tried_every == 0 && rows >= static_cast<std::int64_t>(replicas))
      for (std::int64_t& share : shares)
        if (share == 0) {
          --*std::max_element(shares.begin(), shares.end());
          share = 1;
        }
    return shares;
  }
  if (layout.split == split_policy::weighted) return proportional(rows, layout.weights);
  std::vector<std::int64_t> shares(replicas, rows / static_cast<std::int64_t>(replicas));
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows) % replicas; ++i) ++shares[i];
  if (layout.split == split_policy::even) return shares;
  std::uint64_t state = layout.seed ^ (request * 0xd1342543de82ef95u);
  std::vector<double> weights(replicas);
  for (double& weight : weights) weight = 0.25 + static_cast<double>(next_random(state) >> 11) * 0x1p-53;
  return proportional(rows, weights);
}

}  // namespace troupe
