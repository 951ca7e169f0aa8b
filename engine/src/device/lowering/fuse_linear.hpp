// Products with packed weights end in what follows them: fewer dispatches for each token of a language model.
#pragma once

#include <functional>

#include "troupe/engine/specialize.hpp"

namespace troupe {

/// Moves sums with a residual, and gated activations, into the Linear before them when nobody else reads what that
/// makes, and `on_device` is true for both nodes. The node keeps the name of the product.
///
/// Results keep their bits, because kernels round in between as separate dispatches would: whether a cut between shards
/// parts the nodes must not matter.
void fuse_linear(specialized_graph& model, const std::function<bool(const node&)>& on_device);

}  // namespace troupe
