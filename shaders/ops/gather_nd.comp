#version 450
// Copies blocks of elements, bit for bit: each index is a list of coordinates of a block.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer data_buffer { STORED_BITS data[]; };
layout(set = 0, binding = 1) readonly buffer index_buffer { int chosen[]; };
layout(set = 0, binding = 2) writeonly buffer target_buffer { STORED_BITS target[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of the result
  uint inner;  // elements of a block
  uint rows;   // indices of a batch
  uint batch_stride;
  uint depth;       // coordinates of an index
  uint extents[8];  // of the axes that they choose from
  uint strides[8];
};

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint row = i / inner;
  uint from = row / rows * batch_stride + (i - row * inner);
  for (uint k = 0; k < depth; ++k) {
    // As in gather.comp: what is out of range is clamped, so that memory of others is never read.
    const int extent = int(extents[k]);
    const int wanted = chosen[row * depth + k];
    from += uint(clamp(wanted < 0 ? wanted + extent : wanted, 0, extent - 1)) * strides[k];
  }
  target[i] = data[from];
}
