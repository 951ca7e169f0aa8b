// CachedAttention where a subgroup of eight has four rows of one head: those of one session, as in a prompt, share the loads
// of its keys and values. A row's bits are those of cached_attention_subgroup.glsl.
#include "cached_attention_lanes.glsl"

#define TOGETHER 4

layout(local_size_x = 8) in;

void main() {
  const uint lane = gl_LocalInvocationID.x;
  const uint item = group_index();
  if (item >= (rows + TOGETHER - 1) / TOGETHER * heads) return;
  const uint head = item % heads;
  const uint row0 = item / heads * TOGETHER;
  const uint kv_head = head / (heads / kv_heads);

  uint first[TOGETHER], last[TOGETHER], table[TOGETHER];
  float query[TOGETHER][chunks][8], made[TOGETHER][chunks][8];
  float sum[TOGETHER], largest[TOGETHER];
  uint left = 0;  // a bit for each row that is still to be done
  [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
    const uint row = min(row0 + r, rows - 1);
    const int given = positions[row];
    left |= row0 + r < rows && given >= 0 ? 1u << r : 0u;
    last[r] = bounded_position(max(given, 0));
    first[r] = first_position(last[r]);
    table[r] = table_row(sequences[row]) * table_columns;
    sum[r] = 0.0;
    largest[r] = negative_infinity;
    [[unroll]] for (uint c = 0; c < chunks; ++c) {
      const uint word = c * 8 + lane;
      query[r][c] =
          read_eight_if(queries, (row * heads + head) * head_words + min(word, head_words - 1), word < head_words);
      [[unroll]] for (uint e = 0; e < 8; ++e) made[r][c][e] = 0.0;
    }
  }

  // Loops are tested at their end: see linear_packed.glsl.
  if (left != 0) do {
    // The first row that is left, and those of the same session.
    uint session = 0;
    [[unroll]] for (uint r = TOGETHER; r-- > 0;) session = (left >> r & 1) != 0 ? table[r] : session;
    uint mates = 0, begin = 0xffffffffu, end = 0;
    [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
      const bool mate = (left >> r & 1) != 0 && table[r] == session;
      mates |= mate ? 1u << r : 0u;
      begin = mate ? min(begin, first[r]) : begin;
      end = mate ? max(end, last[r]) : end;
    }
    left &= ~mates;
    uint page = begin / PAGE_POSITIONS;
    do {
      const uint base = page_base(page_at(pages[session + page]), kv_head);
      const uint at = page * PAGE_POSITIONS;
      float low[TOGETHER], high[TOGETHER];
      bool reads[TOGETHER];
      [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
        low[r] = 0.0;
        high[r] = 0.0;
        reads[r] = (mates >> r & 1) != 0 && page >= first[r] / PAGE_POSITIONS && page <= last[r] / PAGE_POSITIONS;
      }
      [[unroll]] for (uint c = 0; c < chunks; ++c) {
        [[unroll]] for (uint w = 0; w < 8; ++w) {
          const uint word = base + min(c * 8 + w, head_words - 1) * PAGE_POSITIONS + lane;
          const float a[8] = read_eight(keys, word);
          const float b[8] = read_eight(keys, word + 8);
          [[unroll]] for (uint r = 0; r < TOGETHER; ++r)
            [[unroll]] for (uint e = 0; e < 8; ++e) {
              const float x = subgroupShuffle(query[r][c][e], w);
              low[r] = fma(x, a[e], low[r]);
              high[r] = fma(x, b[e], high[r]);
            }
        }
      }
      [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
        low[r] = seen(low[r], at + lane, first[r], last[r]);
        high[r] = seen(high[r], at + lane + 8, first[r], last[r]);
        const float now = max(largest[r], row_maximum(max(low[r], high[r])));
        const float smaller = rescaled(largest[r], now);
        low[r] = weight_of(low[r], now);
        high[r] = weight_of(high[r], now);
        sum[r] = reads[r] ? sum[r] * smaller + row_sum(low[r] + high[r]) : sum[r];
        largest[r] = reads[r] ? now : largest[r];
        [[unroll]] for (uint c = 0; c < chunks; ++c)
          [[unroll]] for (uint e = 0; e < 8; ++e)
            made[r][c][e] = reads[r] ? made[r][c][e] * smaller : made[r][c][e];
      }
      [[unroll]] for (uint t = 0; t < PAGE_POSITIONS; ++t) {
        [[unroll]] for (uint c = 0; c < chunks; ++c) {
          const float x[8] = read_eight(values, base + t * head_words + min(c * 8 + lane, head_words - 1));
          [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
            const float weight = subgroupShuffle(t < 8 ? low[r] : high[r], t % 8);
            const bool counts = reads[r] && at + t <= last[r];  // see cached_attention_subgroup.glsl
            [[unroll]] for (uint e = 0; e < 8; ++e)
              made[r][c][e] = counts ? fma(weight, x[e], made[r][c][e]) : made[r][c][e];
          }
        }
      }
    } while (++page <= end / PAGE_POSITIONS);
  } while (left != 0);

  [[unroll]] for (uint r = 0; r < TOGETHER; ++r) {
    const float factor = sum[r] > 0.0 ? 1.0 / sum[r] : 0.0;
    [[unroll]] for (uint c = 0; c < chunks; ++c) {
      if (row0 + r >= rows || c * 8 + lane >= head_words) continue;
      float x[8];
      [[unroll]] for (uint e = 0; e < 8; ++e) x[e] = made[r][c][e] * factor;
      store_eight(target, ((row0 + r) * heads + head) * head_words + c * 8 + lane, x);
    }
  }
}
