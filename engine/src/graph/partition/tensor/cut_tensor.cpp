#include <algorithm>
#include <array>
#include <cmath>

#include "graph/partition/list_values.hpp"
#include "graph/partition/tensor/slice_rules.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {
namespace {

using rule = bool (*)(slice_builder&, const node&);
constexpr std::array<rule, 13> rules{
    slice_rules::dense,       slice_rules::convolution,     slice_rules::transposed_convolution,
    slice_rules::attention,   slice_rules::batched_product, slice_rules::elementwise,
    slice_rules::channelwise, slice_rules::rowwise,         slice_rules::transpose,
    slice_rules::reshape,     slice_rules::concat,          slice_rules::select,
    slice_rules::reduction};

void add_to_slice(slice_builder& to, const node& step) {
  for (const rule attempt : rules)
    if (attempt(to, step)) return;
  node mine = step;
  for (value_id& id : mine.inputs) id = to.whole(id);
  to.add(std::move(mine), std::vector<std::optional<axis_cut>>(step.outputs.size()));
}

}  // namespace

result<std::vector<graph>> cut_tensor(const graph& model, std::span<const double> shares,
                                      const operator_table& operators) {
  TROUPE_CHECK(validate(model));
  if (shares.empty() || shares.size() > limits::shards_max)
    return fail(errc::invalid_argument, "{} slices are asked for; 1 to {} are possible", shares.size(),
                limits::shards_max);
  for (const double share : shares)
    if (!(share > 0) || !std::isfinite(share))
      return fail(errc::invalid_argument, "the share {} of a slice is not a positive number", share);
  if (shares.size() == 1) return std::vector<graph>{model};
  if (!model.states.empty())
    return fail(errc::unsupported,
                "the model keeps {} states from run to run, which slices do not share; load it as "
                "a pipeline",
                model.states.size());
  const auto lists = list_values(model);
  if (std::find(lists.begin(), lists.end(), true) != lists.end())
    return error(errc::unsupported, "the model handles sequences, which slices cannot exchange; load it as a pipeline");
  graph folded = model;
  TROUPE_CHECK(fold_constants(folded, operators));
  const slice_facts facts(folded, operators);
  std::vector<graph> made;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    slice_builder builder(folded, facts, shares, k);
    for (const node& step : folded.nodes) add_to_slice(builder, step);
    graph slice = builder.finish(fmt::format("{} (slice {}/{})", model.name, k + 1, shares.size()));
    TROUPE_CHECK(builder.status());
    if (builder.exchanges() == 0) return std::vector<graph>{model};
    TROUPE_CHECK(validate(slice).while_doing(fmt::format("cutting slice {} of {}", k + 1, shares.size())));
    made.push_back(std::move(slice));
  }
  return made;
}

}  // namespace troupe
