#version 450
// Copies single elements, bit for bit: each index says which element along one axis.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer data_buffer { STORED_BITS data[]; };
layout(set = 0, binding = 1) readonly buffer index_buffer { int chosen[]; };
layout(set = 0, binding = 2) writeonly buffer target_buffer { STORED_BITS target[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of the result, and of the indices
  uint rank;
  uint extent;  // of the data along the axis
  uint stride;  // of the data along the axis
  uint extents[8];  // of the result
  uint strides[8];  // of the data; 0 along the axis
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint from = 0;
  uint rest = i;
  for (int axis = int(rank) - 1; axis >= 0; --axis) {
    const uint quotient = rest / extents[axis];
    from += (rest - quotient * extents[axis]) * strides[axis];
    rest = quotient;
  }
  // As in gather.comp: what is out of range is clamped, so that memory of others is never read.
  const int wanted = chosen[i];
  const int along = clamp(wanted < 0 ? wanted + int(extent) : wanted, 0, int(extent) - 1);
  target[i] = data[from + uint(along) * stride];
}
