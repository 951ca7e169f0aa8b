// What the kernels of CachedAttention share; see cached_attention.hpp for how keys and values lie in their pages.
#ifndef TROUPE_CACHED_ATTENTION_GLSL
#define TROUPE_CACHED_ATTENTION_GLSL

#extension GL_EXT_control_flow_attributes : require

#define PAGE_POSITIONS 16

layout(push_constant) uniform parameters {
  uint rows, heads, kv_heads, head_words;  // head_words: of eight elements
  uint table_rows, table_columns, page_count;
  uint rotary_size;
  uint window;  // 0: none
  uint splits, split_pages;
  float scale, softcap, epsilon;
};

// Nothing that comes from outside reaches memory unclamped.
uint page_at(int number) { return uint(clamp(number, 0, int(page_count) - 1)); }
uint table_row(int sequence) { return uint(clamp(sequence, 0, int(table_rows) - 1)); }
uint bounded_position(int position) { return min(uint(position), table_columns * PAGE_POSITIONS - 1); }
uint first_position(uint position) { return window == 0 || position < window ? 0 : position - window + 1; }

// The first word of a page of one head. Words of keys: [word of the head][position]; of values: [position][word].
uint page_base(uint page, uint kv_head) { return (page * kv_heads + kv_head) * PAGE_POSITIONS * head_words; }

float capped(float score) {
  if (softcap == 0.0) return score;
  const float x = score / softcap;
  return softcap * (abs(x) > 10.0 ? sign(x) : tanh(x));
}

// What a sum must be scaled by when the largest score goes from `before` to `now`.
float rescaled(float before, float now) { return before == now ? 1.0 : exp(before - now); }

#endif
