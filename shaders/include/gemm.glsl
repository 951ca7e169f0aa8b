// target = alpha * left x right + beta * addend, a batch of matrix products. One invocation computes TILE_ROWS x 8
// elements, each by one chain of fused multiply-adds in the order of k: an element's bits depend on its row and its
// column alone, whatever the tile, the batch and the device's load. Long chains are cut into slices of fixed length,
// summed by combine_slices.comp.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool left_transposed = false;   // left is [inner][rows]
layout(constant_id = 1) const bool right_transposed = false;  // right is [columns][inner]
// Every eight elements along the contiguous axis start at a multiple of eight.
layout(constant_id = 2) const bool left_wide = false;
layout(constant_id = 3) const bool right_wide = false;
layout(constant_id = 4) const bool has_addend = false;
layout(constant_id = 5) const bool sliced = false;  // write fp32 sums of slices to `partial` and no more

layout(set = 0, binding = 0) readonly buffer left_elements { STORED left[]; };
layout(set = 0, binding = 0) readonly buffer left_words { WIDE left_eights[]; };
layout(set = 0, binding = 1) readonly buffer right_elements { STORED right[]; };
layout(set = 0, binding = 1) readonly buffer right_words { WIDE right_eights[]; };
layout(set = 0, binding = 2) readonly buffer addend_elements { STORED addend[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) writeonly buffer partial_elements { float partial[]; };

layout(push_constant) uniform parameters {
  uint rows, inner, columns;
  uint matrices;      // in the batch
  uint slice_length;  // a multiple of 8
  uint addend_row_stride, addend_column_stride;
  float alpha, beta;
  uint batch_rank;
  uint batch_extents[6];
  uint left_strides[6];
  uint right_strides[6];
};

void main() {
  const uint tiles_across = (columns + 7) / 8;
  const uint tiles_down = (rows + TILE_ROWS - 1) / TILE_ROWS;
  const uint tile = global_index();
  const uint matrix = tile / (tiles_across * tiles_down);
  if (matrix >= matrices) return;
  const uint column0 = tile % tiles_across * 8;
  const uint row0 = tile / tiles_across % tiles_down * TILE_ROWS;

  uint left_base = 0, right_base = 0;
  uint rest = matrix;
  for (uint axis = batch_rank; axis-- > 0;) {
    const uint index = rest % batch_extents[axis];
    rest /= batch_extents[axis];
    left_base += index * left_strides[axis];
    right_base += index * right_strides[axis];
  }

  // Rows and columns past the edge repeat the last one and are not stored.
  uint row_base[TILE_ROWS];
  [[unroll]] for (uint i = 0; i < TILE_ROWS; ++i) {
    const uint row = min(row0 + i, rows - 1);
    row_base[i] = left_base + (left_transposed ? row : row * inner);
  }

  float sums[TILE_ROWS][8];
  [[unroll]] for (uint i = 0; i < TILE_ROWS; ++i)
    [[unroll]] for (uint j = 0; j < 8; ++j) sums[i][j] = 0.0;

  const uint slice = gl_WorkGroupID.z;
  const uint end = min(inner, (slice + 1) * slice_length);
  for (uint k0 = slice * slice_length; k0 < end; k0 += 8) {
    float a[TILE_ROWS][8];
    [[unroll]] for (uint i = 0; i < TILE_ROWS; ++i) {
      if (left_wide) {
        a[i] = load_eight(left_eights, (row_base[i] + k0) / 8);
      } else {
        [[unroll]] for (uint k = 0; k < 8; ++k) {
          const uint step = min(k0 + k, end - 1);
          const float element = widen(left[row_base[i] + (left_transposed ? step * rows : step)]);
          a[i][k] = k0 + k < end ? element : 0.0;
        }
      }
    }
    float b[8][8];  // [k][column]
    if (right_transposed) {
      [[unroll]] for (uint j = 0; j < 8; ++j) {
        const uint base = right_base + min(column0 + j, columns - 1) * inner;
        float along[8];
        if (right_wide) {
          along = load_eight(right_eights, (base + k0) / 8);
        } else {
          [[unroll]] for (uint k = 0; k < 8; ++k) {
            const float element = widen(right[base + min(k0 + k, end - 1)]);
            along[k] = k0 + k < end ? element : 0.0;
          }
        }
        [[unroll]] for (uint k = 0; k < 8; ++k) b[k][j] = along[k];
      }
    } else {
      [[unroll]] for (uint k = 0; k < 8; ++k) {
        const uint base = right_base + min(k0 + k, end - 1) * columns;
        if (right_wide) {
          b[k] = load_eight(right_eights, (base + column0) / 8);
        } else {
          [[unroll]] for (uint j = 0; j < 8; ++j) b[k][j] = widen(right[base + min(column0 + j, columns - 1)]);
        }
        // Past the end both factors are zero: an infinity times the zero of the other side would be NaN.
        [[unroll]] for (uint j = 0; j < 8; ++j) b[k][j] = k0 + k < end ? b[k][j] : 0.0;
      }
    }
    [[unroll]] for (uint k = 0; k < 8; ++k)
      [[unroll]] for (uint i = 0; i < TILE_ROWS; ++i)
        [[unroll]] for (uint j = 0; j < 8; ++j) sums[i][j] = fma(a[i][k], b[k][j], sums[i][j]);
  }

  [[unroll]] for (uint i = 0; i < TILE_ROWS; ++i) {
    const uint row = row0 + i;
    if (row >= rows) continue;
    [[unroll]] for (uint j = 0; j < 8; ++j) {
      const uint column = column0 + j;
      if (column >= columns) continue;
      const uint element = (matrix * rows + row) * columns + column;
      if (sliced) {
        partial[slice * (matrices * rows * columns) + element] = sums[i][j];
      } else {
        float value = alpha * sums[i][j];
        if (has_addend)
          value = fma(beta, widen(addend[row * addend_row_stride + column * addend_column_stride]), value);
        target[element] = narrow(value);
      }
    }
  }
}
