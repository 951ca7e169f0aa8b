#include "plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "random_number.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

result<void> check_options(std::size_t networks, const load_options& options) {
  if (options.shards == 0 || options.shards > limits::shards_max)
    return fail(errc::invalid_argument, "{} shards were asked for; 1 to {} are possible", options.shards,
                limits::shards_max);
  if (options.storage != dtype::f16 && options.storage != dtype::f32)
    return fail(errc::invalid_argument, "{} is not a storage type; float16 and float32 are",
                to_string(options.storage));
  const bool ensemble = options.parallel == parallel_mode::ensemble;
  if (networks == 0) return fail(errc::invalid_argument, "no model was given");
  if (!ensemble && networks != 1)
    return fail(errc::invalid_argument, "{} models were given; only an ensemble takes more than one", networks);
  const bool weighted = ensemble ? options.join == join_policy::weighted_mean
                                 : options.parallel == parallel_mode::data && options.split == split_policy::weighted;
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

}  // namespace

result<plan> make_plan(std::span<const graph> networks, const load_options& options, const operator_table& operators) {
  TROUPE_CHECK(check_options(networks.size(), options));
  plan made;
  made.mode = options.parallel;
  made.split = options.split;
  made.join = options.join;
  made.weights = options.weights;
  made.seed = options.seed;
  made.storage = options.storage;
  made.stages = made.mode == parallel_mode::pipeline ? static_cast<std::uint32_t>(options.shards) : 1;
  made.replicas = made.mode == parallel_mode::data ? static_cast<std::uint32_t>(options.shards)
                                                   : static_cast<std::uint32_t>(networks.size());
  for (std::uint32_t replica = 0; replica < made.replicas; ++replica) {
    if (made.mode == parallel_mode::data && replica > 0) {
      made.parts.push_back({replica, 0, made.parts.front().network});
      continue;
    }
    const graph& original = networks[made.mode == parallel_mode::ensemble ? replica : 0];
    TROUPE_CHECK(check_operators(original, operators));
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
    TROUPE_TRY(auto parts, cut_pipeline(network, made.stages, operators, options.storage));
    for (std::uint32_t stage = 0; stage < made.stages; ++stage)
      made.parts.push_back({replica, stage, std::make_shared<const graph>(std::move(parts[stage]))});
  }
  return made;
}

std::vector<std::int64_t> split_rows(const plan& layout, std::int64_t rows, std::uint64_t request) {
  const std::size_t replicas = layout.replicas;
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
