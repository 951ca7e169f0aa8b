// act(gate) * up on a device.
#pragma once

#include "kernels/activation.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

/// The activation that attribute `name` of `step` gives its gates; "silu" when it is left out.
result<activation> gate_of(const node& step, std::string_view name);

/// Appends the dispatch: `rows` rows of `width` gates, and as many elements that they let through, become rows of
/// `width`.
void add_gated_activation(lowering_context& context, dispatch_operand source, dispatch_operand target,
                          std::int64_t rows, std::int64_t width, activation_kind kind);

}  // namespace troupe
