#include <algorithm>

#include "device/example_inputs.hpp"
#include "graph/write_out.hpp"
#include "troupe/engine/passes.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// A file that takes longer to look through is loaded as it is; whoever runs it waits no longer than he wants.
constexpr auto patience = std::chrono::seconds(20);

/// Nodes with bodies, and those that handle sequences, become what they stand for in a model whose inputs have one
/// shape: then the other passes see it, and a cut may go through it.
void write_out_bodies(graph& model, const operator_table& operators) {
  const bool any = std::any_of(model.nodes.begin(), model.nodes.end(), [&](const node& step) {
    const operator_definition* definition = operators.find(step);
    return definition && definition->expand;
  });
  const auto example = any ? make_example_inputs(model) : std::nullopt;
  if (!example || !example->exact || !host_inputs(model, operators).empty()) return;
  if (auto plain = write_out(model, operators, example->tensors, steady_clock::now() + patience))
    model = std::move(plain).value();
}

/// Values that depend on shapes alone are constants of a model whose inputs have one shape. Models are exported with
/// long chains of them.
void fold_fixed_shapes(graph& model, const operator_table& operators) {
  const auto example = make_example_inputs(model);
  if (!example || !example->exact || !host_inputs(model, operators).empty()) return;
  auto known = specialize(model, operators, example->tensors, steady_clock::now() + patience);
  if (!known) return;  // whoever runs the model learns why
  const auto is_known = [&](const node& step) {
    return std::all_of(step.outputs.begin(), step.outputs.end(),
                       [&](value_id id) { return id == no_value || known->graph.constants.count(id) > 0; });
  };
  std::vector<node> kept;
  for (node& step : model.nodes) {
    if (!is_known(step)) {
      kept.push_back(std::move(step));
      continue;
    }
    for (const value_id id : step.outputs)
      if (id != no_value) model.constants.insert_or_assign(id, known->graph.constants.at(id));
  }
  model.nodes = std::move(kept);
}

}  // namespace

result<void> optimize(graph& model, const operator_table& operators) {
  remove_dead_code(model);
  TROUPE_CHECK(fold_constants(model, operators));
  write_out_bodies(model, operators);
  fold_fixed_shapes(model, operators);
  TROUPE_CHECK(fold_constants(model, operators));
  drop_no_ops(model);  // before the next pass, which looks for neighbours
  join_quantization(model);
  TROUPE_CHECK(fold_batch_normalization(model));
  // Only into what the operators at hand can compute.
  if (operators.find("LayerNormalization") && operators.find("RMSNormalization")) fuse_normalization(model);
  if (operators.find("Gelu")) fuse_gelu(model);
  if (operators.find("Attention")) fuse_attention(model);
  remove_dead_code(model);  // what has been fused reads nothing any more
  push_transposes(model);
  drop_no_ops(model);
  fuse_products(model, operators);
  remove_dead_code(model);
  return validate(model).while_doing("optimising the graph");
}

}  // namespace troupe
