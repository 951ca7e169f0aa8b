#version 450
// Attention, a workgroup for each query: its invocations take a key each, 64 at a time, and then elements of the result.
#define SUBGROUP_ROWS 0
#include "attention.glsl"

shared float weights[64];

float product(uint query_base, uint key_base) {
  float sum = 0.0;
  if (wide) {
    for (uint d = 0; d < head_size; d += 8) {
      const float a[8] = load_eight(query_words, (query_base + d) / 8);
      const float b[8] = load_eight(key_words, (key_base + d) / 8);
      [[unroll]] for (uint j = 0; j < 8; ++j) sum = fma(a[j], b[j], sum);
    }
  } else {
    for (uint d = 0; d < head_size; ++d) sum = fma(widen(query[query_base + d]), widen(key[key_base + d]), sum);
  }
  return scale * sum;
}

void main() {
  const uint row = group_index();
  if (row >= batch * heads * queries) return;
  const uint lane = gl_LocalInvocationID.x;
  const uint own_query = row % queries;
  const uint head = row / queries % heads;
  const uint image = row / queries / heads;
  const uint kv_head = head / (heads / kv_heads);
  const uint query_base = image * q.image + head * q.head + own_query * q.position;
  const uint key_base = image * k.image + kv_head * k.head;
  const uint value_base = image * v.image + kv_head * v.head;
  const uint first_element = gl_WorkGroupID.z * chunks * 64;

  float largest = negative_infinity;
  float sum = 0.0;
  float made[8] = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
  for (uint key0 = 0; key0 < keys; key0 += 64) {
    const uint own_key = key0 + lane;
    const float raw = product(query_base, key_base + min(own_key, keys - 1) * k.position);
    const float seen = masked(raw, image, head, own_query, own_key);
    const float score = capped(seen);
    if (scores_kind != 0 && scores_kind != 4 && own_key < keys && gl_WorkGroupID.z == 0)
      scores[row * keys + own_key] = narrow(scores_kind == 1 ? raw : scores_kind == 2 ? seen : score);
    const float now = max(largest, group_maximum(score));
    const float weight = weight_of(score, now);
    const float smaller = rescaled(largest, now);
    sum = sum * smaller + group_sum(weight);
    largest = now;
    weights[lane] = weight;
    barrier();
    [[unroll]] for (uint c = 0; c < 8; ++c) {
      if (c >= chunks) continue;
      made[c] *= smaller;
    }
    const uint tile = min(64, keys - key0);
    for (uint j = 0; j < tile; ++j) {
      const uint base = value_base + (key0 + j) * v.position;
      [[unroll]] for (uint c = 0; c < 8; ++c) {
        if (c >= chunks) continue;
        const uint element = min(first_element + c * 64 + lane, value_size - 1);
        made[c] = fma(weights[j], widen(value[base + element]), made[c]);
      }
    }
    barrier();
  }
  const float factor = sum > 0.0 ? 1.0 / sum : 0.0;
  const uint target_base = image * y.image + head * y.head + own_query * y.position;
  [[unroll]] for (uint c = 0; c < 8; ++c) {
    const uint element = first_element + c * 64 + lane;
    if (c < chunks && element < value_size) target[target_base + element] = narrow(made[c] * factor);
  }
  if (scores_kind == 4 && gl_WorkGroupID.z == 0) {
    for (uint at = lane; at < keys; at += 64) {
      const float raw = product(query_base, key_base + at * k.position);
      const float score = capped(masked(raw, image, head, own_query, at));
      scores[row * keys + at] = narrow(weight_of(score, largest) * factor);
    }
  }
}
