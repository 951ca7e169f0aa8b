// What kernels of CachedAttention share in which the eight invocations of a subgroup work on one head: the bindings, and the
// weight of a position in the sum.
#ifndef TROUPE_CACHED_ATTENTION_LANES_GLSL
#define TROUPE_CACHED_ATTENTION_LANES_GLSL

#define SUBGROUP_ROWS 1
#include "cached_attention.glsl"
#include "indexing.glsl"
#include "reduce.glsl"
#include "row_lanes.glsl"
#include "texels.glsl"
#include "vector_store.glsl"

layout(constant_id = 0) const uint chunks = 1;  // of 64 elements of a head

WORDS(0, queries);
layout(set = 0, binding = 1) readonly buffer position_elements { int positions[]; };
layout(set = 0, binding = 2) readonly buffer sequence_elements { int sequences[]; };
layout(set = 0, binding = 3) readonly buffer page_elements { int pages[]; };
WORDS(4, keys);
WORDS(5, values);
layout(set = 0, binding = 6) writeonly buffer target_words_elements { WIDE target[]; };

float seen(float product, uint at, uint first, uint last) {
  return at < first || at > last ? negative_infinity : capped(scale * product);
}

float weight_of(float score, float largest) { return score == negative_infinity ? 0.0 : exp(score - largest); }

#endif
