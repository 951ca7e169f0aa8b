// What passes have moved into a node that sums up products, for its operator's functions.
#pragma once

#include <span>

#include "kernels/gemm_dispatch.hpp"

namespace troupe {

/// Operands that `step` may have, where ONNX allows `plain`.
std::size_t operands_max(const node& step, std::size_t plain);

/// Checks the activation's name and that a residual has the type and shape of the result.
result<void> check_epilogue(const infer_context& context, const shape& output);

/// For lowering. The node must have passed `check_epilogue`.
result<gemm_epilogue> epilogue_of(const lowering_context& context);

/// For reference definitions: the residual added, the activation applied, in double precision.
result<void> apply_epilogue(const reference_context& context, std::span<double> sums);

}  // namespace troupe
