#version 450
// Copies matrices so that their rows start at multiples of eight elements and end in zeros; transposes on the way.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint matrices;
  uint rows, columns;          // of the source, as the target sees it
  uint row_stride, stride;     // of the source: from row to row, and along a row
  uint target_rows, target_eights;  // the target's extents; the latter in groups of eight elements
};

void main() {
  const uint i = global_index();  // [matrix, row, eight columns]
  if (i >= matrices * target_rows * target_eights) return;
  const uint column0 = i % target_eights * 8;
  const uint row = i / target_eights % target_rows;
  const uint base = i / (target_eights * target_rows) * rows * columns + min(row, rows - 1) * row_stride;
  float x[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) {
    const float element = widen(source[base + min(column0 + j, columns - 1) * stride]);
    x[j] = row < rows && column0 + j < columns ? element : 0.0;
  }
  copy_eight(target, i, x);
}
