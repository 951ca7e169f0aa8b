// Rows brought to unit size: y = (x - mean) / sqrt(mean of squares + epsilon) * scale + offset; without `centered` the mean
// counts as 0. Two passes over a row find the mean and then the spread around it, so that a large mean costs no digits.
//
// With SUBGROUP_ROWS the eight invocations of a subgroup share a row and add up their sums in the order of the lanes; else
// a workgroup does, by the fixed tree of reduce.glsl. Either way a row's bits depend on the row alone.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "reduce.glsl"
#include "row_lanes.glsl"
#include "texels.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool centered = true;
layout(constant_id = 1) const bool wide = false;  // rows are whole blocks of eight; always so with READS_TEXELS
// Where factors and offsets come from. 0: there are none; 1: any place; 2: one for all eight of a block; 3: eight
// neighbours; 4: the same, and every row has those at the row's own places, which spares divisions. The last three come
// with `wide` only; READS_TEXELS allows 0, 3 and 4.
layout(constant_id = 2) const uint scale_form = 0;
layout(constant_id = 3) const uint offset_form = 0;
layout(constant_id = 4) const bool keeps_mean = false;
layout(constant_id = 5) const bool keeps_factor = false;

WORDS(0, source_words);
WORDS(1, scale_words);
WORDS(2, offset_words);
#if READS_TEXELS
#define source_at(i) 0.0
#define scale_at(i) 0.0
#define offset_at(i) 0.0
#else
layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer scale_elements { STORED scale[]; };
layout(set = 0, binding = 2) readonly buffer offset_elements { STORED offset[]; };
#define source_at(i) widen(source[i])
#define scale_at(i) widen(scale[i])
#define offset_at(i) widen(offset[i])
#endif
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) writeonly buffer target_words_elements { WIDE target_words[]; };
layout(set = 0, binding = 4) writeonly buffer mean_elements { STORED means[]; };
layout(set = 0, binding = 5) writeonly buffer factor_elements { STORED factors[]; };

layout(push_constant) uniform parameters {
  uint rows, length;
  float epsilon;
  // Element i of row r has the factor [(r * row + i / inner) % count], and its offset likewise.
  uint scale_row, scale_inner, scale_count;
  uint offset_row, offset_inner, offset_count;
};

uint scale_place(uint row, uint i) { return (row * scale_row + i / scale_inner) % scale_count; }
uint offset_place(uint row, uint i) { return (row * offset_row + i / offset_inner) % offset_count; }

float sum_of(const float x[8]) { return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7])); }

void main() {
  const uint row = ROW;
  if (row >= rows) return;
  const uint base = row * length;

  float mean = 0.0;
  if (centered) {
    float sum = 0.0;
    if (wide) {
      for (uint b = LANE; b < length / 8; b += LANES) sum += sum_of(read_eight(source_words, base / 8 + b));
    } else {
      for (uint i = LANE; i < length; i += LANES) sum += source_at(base + i);
    }
    mean = row_sum(sum) / float(length);
  }

  float squares = 0.0;
  if (wide) {
    for (uint b = LANE; b < length / 8; b += LANES) {
      float x[8] = read_eight(source_words, base / 8 + b);
      [[unroll]] for (uint k = 0; k < 8; ++k) x[k] = (x[k] - mean) * (x[k] - mean);
      squares += sum_of(x);
    }
  } else {
    for (uint i = LANE; i < length; i += LANES) {
      const float x = source_at(base + i) - mean;
      squares += x * x;
    }
  }
  const float factor = 1.0 / sqrt(row_sum(squares) / float(length) + epsilon);
  if (LANE == 0) {
    if (keeps_mean) means[row] = narrow(mean);
    if (keeps_factor) factors[row] = narrow(factor);
  }

  if (wide) {
    for (uint b = LANE; b < length / 8; b += LANES) {
      float x[8] = read_eight(source_words, base / 8 + b);
      [[unroll]] for (uint k = 0; k < 8; ++k) x[k] = (x[k] - mean) * factor;
      if (scale_form >= 3) {
        const float s[8] = read_eight(scale_words, scale_form == 4 ? b : scale_place(row, 8 * b) / 8);
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] *= s[k];
      } else if (scale_form == 2) {
        const float s = scale_at(scale_place(row, 8 * b));
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] *= s;
      } else if (scale_form == 1) {
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] *= scale_at(scale_place(row, 8 * b + k));
      }
      if (offset_form >= 3) {
        const float o[8] = read_eight(offset_words, offset_form == 4 ? b : offset_place(row, 8 * b) / 8);
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] += o[k];
      } else if (offset_form == 2) {
        const float o = offset_at(offset_place(row, 8 * b));
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] += o;
      } else if (offset_form == 1) {
        [[unroll]] for (uint k = 0; k < 8; ++k) x[k] += offset_at(offset_place(row, 8 * b + k));
      }
      store_eight(target_words, base / 8 + b, x);
    }
    return;
  }
  for (uint i = LANE; i < length; i += LANES) {
    float x = (source_at(base + i) - mean) * factor;
    if (scale_form != 0) x *= scale_at(scale_place(row, i));
    if (offset_form != 0) x += offset_at(offset_place(row, i));
    target[base + i] = narrow(x);
  }
}
