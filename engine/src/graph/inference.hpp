// Steps that specialisation and the passes share: which nodes matter, and what one node makes.
#pragma once

#include <vector>

#include "troupe/engine/operators.hpp"

namespace troupe {

/// For each node, whether an output of the graph needs it. `model.nodes` must be in order.
std::vector<bool> live_nodes(const graph& model);

/// For each value, whether its contents must be known before the run: it reaches, through whatever live nodes, an
/// operand in `operator_definition::host_inputs`. Operators that look at shapes only end such a chain.
std::vector<bool> values_needed_on_host(const graph& model, const operator_table& operators);

/// Types and shapes of everything `step` makes; the error says whose shape was inferred. Every output that the node
/// does not leave out is set.
result<std::vector<infer_context::output>> infer_outputs(const node& step, const operator_definition& definition,
                                                         std::vector<infer_context::operand> operands);

/// Bytes of the largest output.
std::size_t largest_output_bytes(const std::vector<infer_context::output>& outputs);

}  // namespace troupe
