// CachedAttention where a subgroup of eight has a row of one head for itself: a page of sixteen keys is two of each invocation's; of
// the values each makes every eighth word.
#include "cached_attention_lanes.glsl"

layout(local_size_x = 16) in;

void main() {
  const uint lane = gl_LocalInvocationID.x % 8;
  const uint item = group_index() * 2 + gl_LocalInvocationID.x / 8;
  if (item >= rows * heads) return;
  const uint row = item / heads;
  const uint kv_head = item % heads / (heads / kv_heads);
  const int given = positions[row];
  float made[chunks][8];
  [[unroll]] for (uint c = 0; c < chunks; ++c)
    [[unroll]] for (uint e = 0; e < 8; ++e) made[c][e] = 0.0;
  float sum = 0.0;
  if (given >= 0) {
    const uint last = bounded_position(given), first = first_position(last);
    const uint table = table_row(sequences[row]) * table_columns;
    float query[chunks][8];
    [[unroll]] for (uint c = 0; c < chunks; ++c) {
      const uint word = c * 8 + lane;
      query[c] = read_eight_if(queries, item * head_words + min(word, head_words - 1), word < head_words);
    }
    float largest = negative_infinity;
    uint page = first / PAGE_POSITIONS;
    do {  // tested at its end: see linear_packed.glsl
      const uint base = page_base(page_at(pages[table + page]), kv_head);
      float low = 0.0, high = 0.0;
      [[unroll]] for (uint c = 0; c < chunks; ++c) {
        [[unroll]] for (uint w = 0; w < 8; ++w) {
          const uint word = base + min(c * 8 + w, head_words - 1) * PAGE_POSITIONS + lane;
          const float a[8] = read_eight(keys, word);
          const float b[8] = read_eight(keys, word + 8);
          [[unroll]] for (uint e = 0; e < 8; ++e) {
            const float x = subgroupShuffle(query[c][e], w);
            low = fma(x, a[e], low);
            high = fma(x, b[e], high);
          }
        }
      }
      const uint at = page * PAGE_POSITIONS;
      low = seen(low, at + lane, first, last);
      high = seen(high, at + lane + 8, first, last);
      const float now = max(largest, row_maximum(max(low, high)));
      const float smaller = rescaled(largest, now);
      low = weight_of(low, now);
      high = weight_of(high, now);
      sum = sum * smaller + row_sum(low + high);
      largest = now;
      [[unroll]] for (uint c = 0; c < chunks; ++c)
        [[unroll]] for (uint e = 0; e < 8; ++e) made[c][e] *= smaller;
      [[unroll]] for (uint t = 0; t < PAGE_POSITIONS; ++t) {
        const float weight = subgroupShuffle(t < 8 ? low : high, t % 8);
        [[unroll]] for (uint c = 0; c < chunks; ++c) {
          const float x[8] = read_eight(values, base + t * head_words + min(c * 8 + lane, head_words - 1));
          // Past the row's position lies what another session left: not even zero times that may count.
          [[unroll]] for (uint e = 0; e < 8; ++e)
            made[c][e] = at + t <= last ? fma(weight, x[e], made[c][e]) : made[c][e];
        }
      }
    } while (++page <= last / PAGE_POSITIONS);
  }
  const float factor = sum > 0.0 ? 1.0 / sum : 0.0;
  [[unroll]] for (uint c = 0; c < chunks; ++c) {
    if (c * 8 + lane >= head_words) continue;
    float x[8];
    [[unroll]] for (uint e = 0; e < 8; ++e) x[e] = made[c][e] * factor;
    store_eight(target, item * head_words + c * 8 + lane, x);
  }
}
