#version 450
// Copies slices of an operand along one axis, chosen by indices, bit for bit.
#include "indexing.glsl"
#include "precision.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
// 1: slices are whole blocks of eight, and places are blocks.
layout(constant_id = 0) const uint in_blocks = 0;

layout(set = 0, binding = 0) readonly buffer data_buffer { STORED_BITS data[]; };
layout(set = 0, binding = 0) readonly buffer data_words_buffer { WIDE data_words[]; };
layout(set = 0, binding = 1) readonly buffer index_buffer { int chosen[]; };
layout(set = 0, binding = 2) writeonly buffer target_buffer { STORED_BITS target[]; };
layout(set = 0, binding = 2) writeonly buffer target_words_buffer { WIDE target_words[]; };

layout(push_constant) uniform parameters {
  uint count;    // places of the result
  uint inner;    // places of one slice
  uint indices;  // slices chosen
  uint extent;   // slices there are
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint row = i / inner;
  const uint outer = row / indices;
  const int wanted = chosen[row - outer * indices];
  // Negative indices count from the end. One that is out of range is an error that only the host can report, and does
  // where it knows the indices; here it is clamped, so that memory of others is never read.
  const int slice = clamp(wanted < 0 ? wanted + int(extent) : wanted, 0, int(extent) - 1);
  const uint from = (outer * extent + uint(slice)) * inner + (i - row * inner);
  if (in_blocks == 1) {
    move_eight(target_words, i, data_words, from);
  } else {
    target[i] = data[from];
  }
}
