#version 450
// Copies slices of an operand along one axis, chosen by indices, bit for bit.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer data_buffer { STORED_BITS data[]; };
layout(set = 0, binding = 1) readonly buffer index_buffer { int chosen[]; };
layout(set = 0, binding = 2) writeonly buffer target_buffer { STORED_BITS target[]; };

layout(push_constant) uniform parameters {
  uint count;    // elements of the result
  uint inner;    // elements of one slice
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
  target[i] = data[(outer * extent + uint(slice)) * inner + (i - row * inner)];
}
