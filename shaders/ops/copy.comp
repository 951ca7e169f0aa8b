#version 450
// Copies elements from strided places to strided places, bit for bit: Transpose, Slice, Expand, Concat, Split.
#include "indexing.glsl"
#include "precision.glsl"
#include "strided.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
// What a place of the walk holds of the source; of the target as many elements.
layout(constant_id = 0) const uint form = SINGLE;

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED_BITS source[]; };
layout(set = 0, binding = 0) readonly buffer source_words_buffer { WIDE source_words[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED_BITS target[]; };
layout(set = 0, binding = 1) writeonly buffer target_words_buffer { WIDE target_words[]; };

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint from, to;
  locate(i, from, to);
  if (form == EIGHT) {
    move_eight(target_words, to, source_words, from);
  } else if (form == REPEATED) {
    repeat_eight(target_words, to, source[from]);
  } else {
    target[to] = source[from];
  }
}
