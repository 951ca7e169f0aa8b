// Tensors in blocks of eight channels (memory_layout::blocks), seen as plain tensors with one axis more: walks,
// broadcasts and copies work on them unchanged.
#pragma once

#include "troupe/engine/operator.hpp"

namespace troupe {

/// [N, C, spatial...] as it lies: [N, ceil(C / 8), spatial..., 8]. `dims` has 3 to limits::rank_max - 1 axes.
shape blocks_view(const shape& dims);

/// True for an operand that lies plain and can be broadcast to `target` in blocks all the same: it is repeated over the
/// channels, or holds one number for each channel. The target's channels fill its blocks.
bool reads_beside_blocks(const shape& operand, const shape& target);

/// The view of such an operand, or of one in blocks, that broadcasts to `blocks_view(target)`.
shape blocks_view_for(const shape& operand, memory_layout layout, const shape& target);

/// The dispatch that moves a tensor from the other layout to `target_layout`, bit for bit. No extent of `dims` is 0.
dispatch layout_conversion(const shape& dims, memory_layout target_layout, dispatch_operand source,
                           dispatch_operand target, const device_traits& traits);

}  // namespace troupe
