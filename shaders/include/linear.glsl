// What the kernels that multiply by packed weights share: target = activation(scale * (x times weights + bias) + residual),
// or for the caller the same in fp32. Every element is one chain of fused multiply-adds in the order of k: see the kernels.
#ifndef TROUPE_LINEAR_GLSL
#define TROUPE_LINEAR_GLSL

#include "activation.glsl"
#include "indexing.glsl"
#include "unpack_blocks.glsl"
#include "vector_store.glsl"

#define SOFTCAP 1000  // as an activation: a * tanh(x / a)

layout(constant_id = 4) const bool has_bias = false;
layout(constant_id = 5) const bool has_residual = false;
layout(constant_id = 6) const uint activation = 0;
layout(constant_id = 7) const bool float_target = false;

layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) readonly buffer residual_elements { STORED residual[]; };
layout(set = 0, binding = 4) writeonly buffer target_elements { STORED target[]; };
layout(set = 0, binding = 3) readonly buffer residual_words { WIDE residual_eights[]; };
layout(set = 0, binding = 4) writeonly buffer target_words { WIDE target_eights[]; };
layout(set = 0, binding = 4) writeonly buffer target_floats { float floats[]; };
layout(set = 0, binding = 4) writeonly buffer target_float_words { vec4 float_fours[]; };

layout(push_constant) uniform parameters {
  uint rows;                        // of x and of the target
  uint inner;                       // elements of a row of x
  uint columns;                     // of the target
  uint first_column, own_columns;   // those that this dispatch makes: all that the weights have
  uint left_stride;                 // from one row of x to the next, in words of eight elements
  uint row_words;                   // of the packed weights
  float scale;
  float activation_a, activation_b;
#if EXPERTS
  uint slots;                 // of a row of x, or 1 when each slot has its own; `rows` counts slots
  uint experts;               // each has `own_columns` rows of the weights
  uint first_row, part_rows;  // of all experts' rows, those that are here
#endif
};

#if EXPERTS
#include "expert_rows.glsl"
#endif

float bias_of(uint column) { return has_bias ? widen(bias[min(column, columns - 1)]) : 0.0; }

// As if it had been stored: what follows gives the bits of a dispatch of its own.
float as_stored(float value) {
#if TROUPE_STORAGE_F16
  return rounded_to_half(value);
#else
  return value;
#endif
}

// What is stored for a sum, before it is narrowed.
float finished(float sum, float term, float residual_term) {
  precise float value = scale * (sum + term);
  if (has_residual) value = as_stored(value) + residual_term;
  if (activation == SOFTCAP) return activation_a * activation_tanh(value / activation_a);
  return activate(activation, activation_a, activation_b, value);
}

// The last step for an element; nothing outside the target.
void finish(uint row, uint column, float sum, float term) {
  if (row >= rows || column >= first_column + own_columns) return;
  const uint element = row * columns + column;
  const float value = finished(sum, term, has_residual ? widen(residual[element]) : 0.0);
  if (float_target)
    floats[element] = value;
  else
    target[element] = narrow(value);
}

// The same for eight neighbouring columns. `as_words`: all columns that are counted here are multiples of eight. The loops stay loops until the driver knows the specialization constants.
void finish_eight(uint row, uint column, bool as_words, float x[8]) {
  if (row >= rows || column >= first_column + own_columns) return;
  if (!as_words) {
    for (uint j = 0; j < 8; ++j) finish(row, column + j, x[j], bias_of(column + j));
    return;
  }
  const uint word = (row * columns + column) / 8;
  float residual_term[8] = float[8](0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
  if (has_residual) residual_term = load_eight(residual_eights, word);
  for (uint j = 0; j < 8; ++j) x[j] = finished(x[j], bias_of(column + j), residual_term[j]);
  if (float_target) {
    float_fours[2 * word] = vec4(x[0], x[1], x[2], x[3]);
    float_fours[2 * word + 1] = vec4(x[4], x[5], x[6], x[7]);
  } else {
    store_eight(target_eights, word, x);
  }
}

#endif
