#version 450
// What CachedAttention does to its operand first: heads of queries and keys are normalised (or not) and turned by the angle of their
// position; keys and values go to their places in the cache. An invocation for each head of each row.
#include "cached_attention.glsl"
#include "indexing.glsl"
#include "vector_store.glsl"

layout(local_size_x = 8) in;
layout(constant_id = 0) const bool norms_queries = false;
layout(constant_id = 1) const bool norms_keys = false;
layout(constant_id = 2) const bool halves = true;     // pairs (i, i + rotary_size / 2); else neighbours
layout(constant_id = 3) const bool in_words = false;  // the partners of a word of eight are a word

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_words_elements { WIDE source_words[]; };
layout(set = 0, binding = 1) readonly buffer position_elements { int positions[]; };
layout(set = 0, binding = 2) readonly buffer sequence_elements { int sequences[]; };
layout(set = 0, binding = 3) readonly buffer page_elements { int pages[]; };
layout(set = 0, binding = 4) writeonly buffer key_words_elements { WIDE keys[]; };
layout(set = 0, binding = 5) writeonly buffer value_words_elements { WIDE values[]; };
layout(set = 0, binding = 6) readonly buffer query_norm_words_elements { WIDE query_norm[]; };
layout(set = 0, binding = 7) readonly buffer key_norm_words_elements { WIDE key_norm[]; };
layout(set = 0, binding = 8) readonly buffer rotary_elements { vec2 angles[]; };  // cosine and sine
layout(set = 0, binding = 9) writeonly buffer query_words_elements { WIDE queries[]; };

float[8] normalised(uint word, uint head_base, float factor, bool is_query) {
  float x[8] = load_eight(source_words, head_base + word);
  if (is_query ? !norms_queries : !norms_keys) return x;
  float weight[8];
  if (is_query) {
    weight = load_eight(query_norm, word);
  } else {
    weight = load_eight(key_norm, word);
  }
  [[unroll]] for (uint e = 0; e < 8; ++e) x[e] = x[e] * factor * weight[e];
  return x;
}

// Element d of a head, for partners that do not come in words.
float one(uint d, uint head_base, float factor, bool is_query) {
  float x = widen(source[head_base * 8 + d]);
  if (is_query ? !norms_queries : !norms_keys) return x;
  float weight[8];
  if (is_query) {
    weight = load_eight(query_norm, d / 8);
  } else {
    weight = load_eight(key_norm, d / 8);
  }
  return x * factor * weight[d % 8];
}

void main() {
  const uint all_heads = heads + 2 * kv_heads;
  const uint index = global_index();
  if (index >= rows * all_heads) return;
  const uint row = index / all_heads, head = index % all_heads;
  const bool is_query = head < heads, is_value = head >= heads + kv_heads;
  const int given = positions[row];
  if (given < 0) return;
  const uint position = bounded_position(given);
  const uint head_base = index * head_words;

  float factor = 1.0;
  if (is_query ? norms_queries : norms_keys && !is_value) {
    float sum = 0.0;
    for (uint word = 0; word < head_words; ++word) {
      const float x[8] = load_eight(source_words, head_base + word);
      [[unroll]] for (uint e = 0; e < 8; ++e) sum = fma(x[e], x[e], sum);
    }
    factor = 1.0 / sqrt(sum / float(head_words * 8) + epsilon);
  }
  const uint kv_head = is_value ? head - heads - kv_heads : head - heads;
  uint page = 0;
  if (!is_query)
    page = page_base(page_at(pages[table_row(sequences[row]) * table_columns + position / PAGE_POSITIONS]), kv_head);
  const uint slot = position % PAGE_POSITIONS;
  const uint pairs = rotary_size / 2;

  uint word = 0;
  do {  // tested at its end: see linear_packed.glsl
    float x[8];
    if (is_value) {
      x = load_eight(source_words, head_base + word);
      store_eight(values, page + slot * head_words + word, x);
      continue;
    }
    x = normalised(word, head_base, factor, is_query);
    if (word * 8 < rotary_size) {
      float partner[8];
      if (halves && in_words) {
        const uint other = word * 8 < pairs ? word + pairs / 8 : word - pairs / 8;
        partner = normalised(other, head_base, factor, is_query);
      } else if (halves) {
        for (uint e = 0; e < 8; ++e) {
          const uint d = word * 8 + e;
          partner[e] = d >= rotary_size ? 0.0 : one(d < pairs ? d + pairs : d - pairs, head_base, factor, is_query);
        }
      } else {
        [[unroll]] for (uint e = 0; e < 8; ++e) partner[e] = x[e ^ 1];
      }
      [[unroll]] for (uint e = 0; e < 8; ++e) {
        const uint d = word * 8 + e;
        if (d >= rotary_size) continue;
        const bool first = halves ? d < pairs : e % 2 == 0;
        const vec2 angle = angles[position * pairs + (halves ? (first ? d : d - pairs) : d / 2)];
        x[e] = first ? x[e] * angle.x - partner[e] * angle.y : partner[e] * angle.y + x[e] * angle.x;
      }
    }
    if (is_query) {
      store_eight(queries, (row * heads + head) * head_words + word, x);
    } else {
      store_eight(keys, page + word * PAGE_POSITIONS + slot, x);
    }
  } while (++word < head_words);
}
