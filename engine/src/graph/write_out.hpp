// Graphs without nodes that have bodies or handle sequences.
#pragma once

#include "troupe/engine/specialize.hpp"

namespace troupe {

/// `model` with what those nodes stand for in their place, for inputs of these shapes; nothing else is changed or
/// computed. Errors as `specialize` has them.
result<graph> write_out(const graph& model, const operator_table& operators, std::span<const tensor> inputs,
                        time_point deadline);

}  // namespace troupe
