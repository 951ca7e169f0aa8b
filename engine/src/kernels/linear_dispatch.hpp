// Products with packed weights on a device.
#pragma once

#include <optional>

#include "kernels/activation.hpp"
#include "kernels/linear_shape.hpp"

namespace troupe {

/// Every row of the target is a slot that belongs to an expert of its own; a matrix has the rows of all experts.
struct expert_slots {
  dispatch_operand ids;      ///< of each slot, in the storage type
  std::int64_t per_row = 1;  ///< slots that share a row of x
};

/// target = activation(scale * (x times the weights + bias) + residual), or softcap * tanh of it / softcap. What a
/// residual is added to is rounded to the storage type first, and so are the two halves of columns of which one is the
/// other's gate: the bits are those of separate dispatches.
struct linear_work {
  dispatch_operand x, target;
  std::int64_t rows = 0;  ///< of the target
  std::optional<expert_slots> experts;
  linear_shape linear;
  std::optional<dispatch_operand> bias, residual;
  troupe::activation activation;
  activation_kind gate =
      activation_kind::none;  ///< otherwise the target has half the columns: gate(first half) * second
  float scale = 1;
  float softcap = 0;          ///< 0: none; instead of an activation
  bool float_target = false;  ///< fp32, whatever the storage
};

/// Appends the dispatches. Every element is one chain of products in the order of k, or one for each 256 of them, by
/// the family of kernels: its bits depend on its own row of x and of the weights only.
result<void> add_linear(lowering_context& context, const linear_work& work);

}  // namespace troupe
