#version 450
// act(gate) * up, of rows that hold the gates first and then what they let through.
#include "activation.glsl"
#include "indexing.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint kind = 0;
layout(constant_id = 1) const bool wide = false;  // rows are whole words of eight

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 0) readonly buffer source_words_elements { WIDE source_words[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 1) writeonly buffer target_words_elements { WIDE target_words[]; };

layout(push_constant) uniform parameters {
  uint count, width;  // of what an invocation makes: words of eight, or elements
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint gate = i / width * 2 * width + i % width;
  if (wide) {
    const float a[8] = load_eight(source_words, gate), b[8] = load_eight(source_words, gate + width);
    float x[8];
    for (uint e = 0; e < 8; ++e) x[e] = activate(kind, 1.0, 0.0, a[e]) * b[e];
    store_eight(target_words, i, x);
  } else {
    target[i] = narrow(activate(kind, 1.0, 0.0, widen(source[gate])) * widen(source[gate + width]));
  }
}
