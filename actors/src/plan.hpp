// A plan as the actors use it: which parts there are and how requests flow through them. No CAF types.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "live_shares.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/planner.hpp"
#include "troupe/system.hpp"

namespace troupe {

/// One part of a model: what one shard owns.
struct plan_part {
  std::uint32_t replica = 0;  ///< which copy (data) or member (ensemble)
  std::uint32_t stage = 0;    ///< place in the pipeline of its replica, or which slice (tensor)
  std::shared_ptr<const graph> network;
  std::optional<std::uint32_t> host;  ///< where the planner wants it
};

/// What plans are made anew with when parts turn out to take longer than others. Only for pipelines.
struct plan_basis {
  model_costs costs;
  std::vector<std::size_t> first;  ///< piece with which each part begins
  planning_options options;
  bool surveyed = false;  ///< the nodes' abilities are known; otherwise all count as equal
};

/// Parts are ordered by replica, then stage: part index = replica * stages + stage.
struct plan {
  parallel_mode mode = parallel_mode::pipeline;
  std::uint32_t replicas = 1;
  std::uint32_t stages = 1;  ///< parts of a replica, which it needs all: stages or slices
  std::vector<plan_part> parts;
  split_policy split = split_policy::even;
  join_policy join = join_policy::mean;
  std::vector<double> weights;
  double tolerance = 0;
  std::uint64_t seed = 0;
  dtype storage = dtype::f16;
  std::optional<placement_plan> placement;  ///< by the planner, when it made this plan
  std::shared_ptr<const plan_basis> basis;  ///< nothing: parts stay where they are
  bool stateful = false;                    ///< parts keep something from run to run; then there is one replica

  std::uint32_t part_of(std::uint32_t replica, std::uint32_t stage) const { return replica * stages + stage; }
};

/// Checks, optimises and cuts networks for these options. One network, except for an ensemble. With `options.shards`
/// 0 the planner decides by `nodes`, which are numbered as the coordinator's hosts; without nodes there is one part.
result<plan> make_plan(std::span<const graph> networks, const load_options& options, const operator_table& operators,
                       const std::vector<planning_node>& nodes = {});

/// What `make_plan` would do, without doing it: parts, times and reasons.
result<placement_plan> make_placement(const graph& network, const load_options& options,
                                      const operator_table& operators, const std::vector<planning_node>& nodes);

/// The host on which a part begins when nobody planned it. `usable` hosts are there. Neighbouring parts of a pipeline
/// go to the same host where there are fewer hosts than parts: fewer hops between machines.
std::uint32_t first_host(parallel_mode mode, std::size_t part, std::size_t parts, std::size_t usable);

/// What `split_policy::measured` begins with.
live_shares shares_of(const plan& layout);

/// Shares of `rows` for each of `replicas` (some may be 0); they sum to `rows`. Deterministic in (seed, request), or in
/// (`measured`, request) for that policy.
std::vector<std::int64_t> split_rows(const plan& layout, std::int64_t rows, std::uint64_t request,
                                     const std::vector<double>& measured);

}  // namespace troupe
