// What the kernels of Attention share; see attention.hpp. The softmax is online: of the keys seen so far each query keeps
// the largest score, the sum of exp(score - largest), and the sum of values with these weights, and scales the sums down
// when a larger score comes.
#ifndef TROUPE_ATTENTION_GLSL
#define TROUPE_ATTENTION_GLSL

#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "reduce.glsl"
#include "row_lanes.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint mask_kind = 0;  // 0: none, 1: numbers to add, 2: integers, of which 0 hides a key
layout(constant_id = 1) const bool causal = false;
layout(constant_id = 2) const bool has_lengths = false;
layout(constant_id = 3) const bool wide = false;  // everything comes in blocks of eight
layout(constant_id = 4) const uint chunks = 1;    // of 64 elements of the result
layout(constant_id = 5) const uint scores_kind = 0;  // 0: scores are not given out; else qk_matmul_output_mode + 1

layout(set = 0, binding = 0) readonly buffer query_elements { STORED query[]; };
layout(set = 0, binding = 0) readonly buffer query_words_elements { WIDE query_words[]; };
layout(set = 0, binding = 1) readonly buffer key_elements { STORED key[]; };
layout(set = 0, binding = 1) readonly buffer key_words_elements { WIDE key_words[]; };
layout(set = 0, binding = 2) readonly buffer value_elements { STORED value[]; };
layout(set = 0, binding = 2) readonly buffer value_words_elements { WIDE value_words[]; };
layout(set = 0, binding = 3) readonly buffer mask_elements { STORED mask[]; };
layout(set = 0, binding = 3) readonly buffer mask_int_elements { int mask_ints[]; };
layout(set = 0, binding = 4) readonly buffer length_elements { int lengths[]; };
layout(set = 0, binding = 5) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 5) writeonly buffer target_words_elements { WIDE target_words[]; };
layout(set = 0, binding = 6) writeonly buffer score_elements { STORED scores[]; };

struct head_layout {
  uint image, head, position;
};

layout(push_constant) uniform parameters {
  uint batch, heads, kv_heads, queries, keys, head_size, value_size;
  head_layout q, k, v, y;
  uint mask_image, mask_head, mask_query, mask_key;
  uint mask_keys;
  uint past;
  float scale, softcap;
};

// The score after the mask, of a product that was scaled; minus infinity for a key that the query does not see.
float masked(float score, uint image, uint head, uint row, uint at) {
  bool hidden = at >= keys || (causal && at > past + row) || (has_lengths && int(at) >= lengths[image]);
  if (mask_kind != 0) {
    const uint place = image * mask_image + head * mask_head + min(row, queries - 1) * mask_query +
                       min(at, mask_keys - 1) * mask_key;
    hidden = hidden || at >= mask_keys;
    if (mask_kind == 1) score += widen(mask[place]);
    if (mask_kind == 2) hidden = hidden || mask_ints[place] == 0;
  }
  return hidden ? negative_infinity : score;
}

float capped(float score) {
  if (softcap == 0.0 || score == negative_infinity) return score;
  const float x = score / softcap;
  return softcap * (abs(x) > 10.0 ? sign(x) : tanh(x));
}

// What a sum must be scaled by when the largest score goes from `before` to `now`.
float rescaled(float before, float now) { return before == now ? 1.0 : exp(before - now); }

float weight_of(float score, float largest) { return score == negative_infinity ? 0.0 : exp(score - largest); }

#endif
