// From a graph with unknown extents and given inputs to one in which every type and shape is known and everything
// that can be computed before the run has been.
#pragma once

#include <span>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// A graph in which `values[id].type` and `values[id].dims` are known (every extent >= 0) for all values that are
/// still used, and whose remaining nodes depend on run-time contents (or make more than `limits::folded_bytes_max`, or
/// have a kernel and depend on the shapes of run-time values: then whole models and parts of them round alike).
/// Values keep their ids. An output that the model declares with a floating-point type has that type here, whatever
/// floating-point type its node makes: it is what the caller receives. Host operands that are inputs of the model are
/// replaced by constants with their contents. In the place of nodes with bodies, and of those that handle sequences,
/// are the nodes that they stand for: a branch, the body once for each iteration.
struct specialized_graph {
  troupe::graph graph;
  /// Concrete shape of each value, by id; meaningless for values that folding removed.
  std::vector<shape> dims;
  /// For values that the model does not have, by id less the number of the model's values: a result of the model's
  /// node in whose place their nodes stand.
  std::vector<value_id> made_for;
};

/// Indices into `model.inputs` whose contents (not only shapes) decide the specialisation: they reach, through whatever
/// nodes, an operand in `operator_definition::host_inputs`.
std::vector<std::size_t> host_inputs(const graph& model, const operator_table& operators);

/// Infers every type and shape for these inputs, folds constants, and removes nodes that nothing needs. The operands of
/// `inputs` must match the declared types and known extents of `model.inputs`; the error names the input and both
/// sides. Contents are read for `host_inputs` only. Nodes are computed here that may take long: it ends with
/// `deadline_exceeded` or `cancelled` after the node during which that happens.
result<specialized_graph> specialize(const graph& model, const operator_table& operators,
                                     std::span<const tensor> inputs, time_point deadline = time_point::max(),
                                     const cancellation& cancel = {});

/// Checks `inputs` against the declarations of `model`: number, types (any floating-point type is taken for another),
/// ranks, known extents, and equal extents wherever one symbol is used twice.
result<void> check_inputs(const graph& model, std::span<const tensor> inputs);

/// Executes one node with its reference definition; operands by position (nullptr for omitted ones). What constant
/// folding, the reference device and host nodes of Vulkan programs call. `states`: by position those operands that the
/// node changes; empty when there are none.
result<std::vector<tensor>> run_reference(const node& step, const operator_definition& definition,
                                          std::span<const tensor* const> inputs, std::span<tensor* const> states = {});

}  // namespace troupe
