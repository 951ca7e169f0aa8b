// What an Attention computes, from its operands and attributes.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Where a tensor of heads lies: element (image, head, position, d) is at image * image_stride + ... + d.
struct head_layout {
  std::int64_t image = 0, head = 0, position = 0;
};

struct attention_plan {
  std::int64_t batch = 0, heads = 0, kv_heads = 0;
  std::int64_t queries = 0, past = 0, keys = 0;  ///< `keys` counts the past ones
  std::int64_t head_size = 0, value_size = 0;
  float scale = 1, softcap = 0;  ///< softcap 0: none
  bool causal = false;
  std::int64_t scores_mode = 0;           ///< qk_matmul_output_mode
  head_layout query, key, value, target;  ///< of the operands as given and of the result
  shape target_dims, present_key, present_value, scores;
  /// The mask's strides over [image, head, query, key], 0 where it is broadcast; keys from `mask_keys` on are masked.
  std::int64_t mask_strides[4] = {};
  std::int64_t mask_keys = 0;
};

/// Operands: 0 Q, 1 K, 2 V, 3 mask, 4 past key, 5 past value, 6 (opset 24) keys of each image that are not padding.
/// Element types are left to the caller.
///
/// A score is scale * q.k + mask; softcap * tanh(score / softcap) comes after the mask, as ONNX has it, but what a mask
/// of minus infinity hides stays hidden. A causal mask lets query i see keys up to past + i. A query that sees no key
/// has zeros for a result.
result<attention_plan> read_attention(const node_view& view);

}  // namespace troupe
