#version 450
// Attention, a subgroup of eight for each eight queries: tiles of eight queries and eight keys, each invocation loads one
// of both and takes the others from its neighbours (see gemm_tile.glsl); then each makes eight elements of all results.
#define SUBGROUP_ROWS 1
#include "attention.glsl"

void main() {
  const uint lane = LANE;
  const uint tiles = (queries + 7) / 8;
  const uint row = ROW;
  if (row >= batch * heads * tiles) return;
  const uint query0 = row % tiles * 8;
  const uint head = row / tiles % heads;
  const uint image = row / tiles / heads;
  const uint kv_head = head / (heads / kv_heads);
  const uint query_base = image * q.image + head * q.head + min(query0 + lane, queries - 1) * q.position;
  const uint key_base = image * k.image + kv_head * k.head;
  const uint value_base = image * v.image + kv_head * v.head;
  const uint first_element = gl_WorkGroupID.z * chunks * 64 + lane * 8;

  float largest[8], sum[8], made[2][8][8];
  [[unroll]] for (uint r = 0; r < 8; ++r) {
    largest[r] = negative_infinity;
    sum[r] = 0.0;
    [[unroll]] for (uint c = 0; c < 2; ++c)
      [[unroll]] for (uint j = 0; j < 8; ++j) made[c][r][j] = 0.0;
  }

  // Keys that come after the last of the queries are hidden from all of them.
  const uint end = causal ? min(keys, past + query0 + 8) : keys;
  for (uint key0 = 0; key0 < end; key0 += 8) {
    const uint own_key = key0 + lane;
    const uint own_base = key_base + min(own_key, keys - 1) * k.position;
    float score[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    for (uint d = 0; d < head_size; d += 8) {
      const float own[8] = load_eight(query_words, (query_base + d) / 8);
      const float b[8] = load_eight(key_words, (own_base + d) / 8);
      [[unroll]] for (uint r = 0; r < 8; ++r)
        [[unroll]] for (uint j = 0; j < 8; ++j) score[r] = fma(subgroupShuffle(own[j], r), b[j], score[r]);
    }
    float weight[8];
    [[unroll]] for (uint r = 0; r < 8; ++r) {
      const float seen = capped(masked(scale * score[r], image, head, query0 + r, own_key));
      const float now = max(largest[r], row_maximum(seen));
      const float smaller = rescaled(largest[r], now);
      weight[r] = weight_of(seen, now);
      sum[r] = sum[r] * smaller + row_sum(weight[r]);
      largest[r] = now;
      [[unroll]] for (uint c = 0; c < 2; ++c) {
        if (c >= chunks) continue;
        [[unroll]] for (uint j = 0; j < 8; ++j) made[c][r][j] *= smaller;
      }
    }
    [[unroll]] for (uint other = 0; other < 8; ++other) {
      const uint base = value_base + min(key0 + other, keys - 1) * v.position;
      [[unroll]] for (uint c = 0; c < 2; ++c) {
        if (c >= chunks) continue;
        const float x[8] = load_eight(value_words, (base + min(first_element + c * 64, value_size - 8)) / 8);
        [[unroll]] for (uint r = 0; r < 8; ++r) {
          const float w = subgroupShuffle(weight[r], other);
          [[unroll]] for (uint j = 0; j < 8; ++j) made[c][r][j] = fma(w, x[j], made[c][r][j]);
        }
      }
    }
  }
  [[unroll]] for (uint r = 0; r < 8; ++r) {
    if (query0 + r >= queries) continue;
    const float factor = sum[r] > 0.0 ? 1.0 / sum[r] : 0.0;
    const uint target_base = image * y.image + head * y.head + (query0 + r) * y.position;
    [[unroll]] for (uint c = 0; c < 2; ++c) {
      if (c >= chunks || first_element + c * 64 >= value_size) continue;
      float x[8];
      [[unroll]] for (uint j = 0; j < 8; ++j) x[j] = made[c][r][j] * factor;
      store_eight(target_words, (target_base + first_element + c * 64) / 8, x);
    }
  }
}
