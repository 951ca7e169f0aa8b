#version 450
// CachedAttention, a workgroup for each row of one head and each split of its positions: its invocations take a key each, 64 at a time,
// and then elements of the result. A single split gives the result; several give sums that cached_attention_join.comp joins.
#include "cached_attention.glsl"
#include "indexing.glsl"
#include "reduce.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint chunks = 1;  // of 64 elements of a head

layout(set = 0, binding = 0) readonly buffer query_words_elements { WIDE queries[]; };
layout(set = 0, binding = 1) readonly buffer position_elements { int positions[]; };
layout(set = 0, binding = 2) readonly buffer sequence_elements { int sequences[]; };
layout(set = 0, binding = 3) readonly buffer page_elements { int pages[]; };
layout(set = 0, binding = 4) readonly buffer key_words_elements { WIDE keys[]; };
layout(set = 0, binding = 5) readonly buffer value_elements { STORED values[]; };
layout(set = 0, binding = 6) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 7) writeonly buffer sum_elements { float sums[]; };

shared float query[chunks * 64];
shared float weights[64];
shared uint bases[4];

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint group = group_index();
  if (group >= rows * heads * splits) return;
  const uint item = group / splits, split = group % splits;
  const uint row = item / heads;
  const uint kv_head = item % heads / (heads / kv_heads);
  const uint head_size = head_words * 8;
  const int given = positions[row];
  const uint last = given < 0 ? 0 : bounded_position(given);
  const uint first = given < 0 ? 1 : first_position(last);
  const uint table = table_row(sequences[row]) * table_columns;
  for (uint word = lane; word < head_words; word += 64) {
    const float x[8] = load_eight(queries, item * head_words + word);
    [[unroll]] for (uint e = 0; e < 8; ++e) query[word * 8 + e] = x[e];
  }

  float made[chunks];
  [[unroll]] for (uint c = 0; c < chunks; ++c) made[c] = 0.0;
  float largest = negative_infinity, sum = 0.0;
  const uint begin = max(split * split_pages, first / PAGE_POSITIONS / 4 * 4) * PAGE_POSITIONS;
  const uint end = min(last + 1, (split + 1) * split_pages * PAGE_POSITIONS);
  for (uint tile = begin; given >= 0 && tile < end; tile += 64) {
    barrier();
    if (lane < 4) {
      const uint page = min(tile / PAGE_POSITIONS + lane, table_columns - 1);
      bases[lane] = page_base(page_at(pages[table + page]), kv_head);
    }
    barrier();
    const uint at = tile + lane;
    float score = 0.0;
    for (uint word = 0; word < head_words; ++word) {
      const float x[8] = load_eight(keys, bases[lane / 16] + word * PAGE_POSITIONS + lane % 16);
      [[unroll]] for (uint e = 0; e < 8; ++e) score = fma(query[word * 8 + e], x[e], score);
    }
    score = at < first || at > last ? negative_infinity : capped(scale * score);
    const float now = max(largest, group_maximum(score));
    const float weight = score == negative_infinity ? 0.0 : exp(score - now);
    const float smaller = rescaled(largest, now);
    sum = sum * smaller + group_sum(weight);
    largest = now;
    weights[lane] = weight;
    barrier();
    [[unroll]] for (uint c = 0; c < chunks; ++c) made[c] *= smaller;
    // Past the row's position lies what another session left: not even zero times that may count.
    const uint count = min(64, last + 1 - tile);
    for (uint t = 0; t < count; ++t) {
      const uint base = (bases[t / 16] + t % 16 * head_words) * 8;
      [[unroll]] for (uint c = 0; c < chunks; ++c)
        made[c] = fma(weights[t], widen(values[base + min(c * 64 + lane, head_size - 1)]), made[c]);
    }
  }
  const float factor = sum > 0.0 ? 1.0 / sum : 0.0;
  [[unroll]] for (uint c = 0; c < chunks; ++c) {
    const uint d = c * 64 + lane;
    if (d >= head_size) continue;
    if (splits == 1) {
      target[item * head_size + d] = narrow(made[c] * factor);
    } else {
      sums[group * (head_size + 2) + 2 + d] = made[c];
    }
  }
  if (splits == 1 || lane != 0) return;
  sums[group * (head_size + 2)] = largest;
  sums[group * (head_size + 2) + 1] = sum;
}
