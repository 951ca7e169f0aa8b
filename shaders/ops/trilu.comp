#version 450
// Matrices with everything on one side of a diagonal set to zero.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED_BITS source[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED_BITS target[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of all matrices
  uint rows, columns;
  int diagonal;  // columns to the right of the main one
  uint upper;    // 1: what lies on the diagonal or to its right stays; 0: on it or to its left
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint row = i / columns;
  const int offset = int(i - row * columns) - int(row % rows);
  const bool keeps = upper == 1 ? offset >= diagonal : offset <= diagonal;
  target[i] = keeps ? source[i] : STORED_BITS(0);
}
