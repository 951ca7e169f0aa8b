#version 450
// One step of RNN, LSTM or GRU, in all directions at once: an invocation makes the state of one unit of one row. The
// products of the inputs with their weights are there already; states are floats in two halves, [half, direction, row,
// unit], of which a step reads one and writes the other.
#extension GL_EXT_control_flow_attributes : require
#include "gate_functions.glsl"
#include "indexing.glsl"
#include "vectors.glsl"

layout(local_size_x = 32) in;
// 0: RNN, 1: LSTM, 2: GRU whose reset gate comes after the product. The other GRU takes two dispatches, because its last
// product needs every unit's reset gate: 3 makes the update gates and the reset states, in the two halves of `cells`; 4
// the new states.
layout(constant_id = 0) const uint phase = 0;
layout(constant_id = 1) const bool has_bias = false;
layout(constant_id = 2) const bool has_lengths = false;
layout(constant_id = 3) const bool has_peepholes = false;
layout(constant_id = 4) const bool has_target = true;
layout(constant_id = 5) const bool couples_forget = false;
layout(constant_id = 6) const bool wide = false;  // units are whole blocks of eight
layout(constant_id = 7) const uint f0 = 0;
layout(constant_id = 8) const uint g0 = 0;
layout(constant_id = 9) const uint h0 = 0;
layout(constant_id = 10) const uint f1 = 0;
layout(constant_id = 11) const uint g1 = 0;
layout(constant_id = 12) const uint h1 = 0;

layout(set = 0, binding = 0) readonly buffer product_elements { STORED products[]; };
layout(set = 0, binding = 1) readonly buffer weight_elements { STORED weights[]; };
layout(set = 0, binding = 1) readonly buffer weight_words_elements { WIDE weight_words[]; };
layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) readonly buffer length_elements { int lengths[]; };
layout(set = 0, binding = 4) readonly buffer peephole_elements { STORED peepholes[]; };
layout(set = 0, binding = 5) buffer state_elements { float states[]; };
layout(set = 0, binding = 6) buffer cell_elements { float cells[]; };
layout(set = 0, binding = 7) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint step, steps, batch, hidden, directions;
  uint input_step, input_row;
  uint target_step, target_row, target_direction;
  uint first_reversed;
  float clip;
  float alphas[6], betas[6];
};

#define GATES (phase == 0 ? 1 : phase == 1 ? 4 : 3)

float bounded(float x) { return clip > 0.0 ? clamp(x, -clip, clip) : x; }

float activate(uint direction, uint place, float x) {
  const uint at = direction * 3 + place;
  const float alpha = alphas[at], beta = betas[at];
  if (direction == 0) return gate(place == 0 ? f0 : place == 1 ? g0 : h0, bounded(x), alpha, beta);
  return gate(place == 0 ? f1 : place == 1 ? g1 : h1, bounded(x), alpha, beta);
}

void main() {
  const uint i = global_index();
  const uint count = directions * batch * hidden;
  if (i >= count) return;
  const uint unit = i % hidden;
  const uint row = i / hidden % batch;
  const uint direction = i / hidden / batch;

  const uint length = has_lengths ? uint(clamp(lengths[row], 0, int(steps))) : steps;
  const bool reversed = direction == 1 || first_reversed != 0;
  const bool over = step >= length;
  const uint time = over ? step : (reversed ? length - 1 - step : step);
  const uint read_half = step % 2 * count, write_half = count - read_half;
  const uint place = time * target_step + row * target_row + direction * target_direction + unit;
  const float before = states[read_half + i];
  if (over) {  // the row's sequence has ended: its last state stays
    if (phase != 3) {
      states[write_half + i] = before;
      if (has_target) target[place] = narrow(0.0);
    }
    return;
  }

  // Gates as ONNX orders them. Sums over the units in one chain for each gate.
  const uint first_gate = phase == 4 ? 2 : 0;
  const uint last_gate = phase == 3 ? 2 : GATES;
  const uint from = (phase == 4 ? count : read_half) + i - unit;
  float sums[4] = {0.0, 0.0, 0.0, 0.0};
  const uint weight_row = direction * GATES * hidden + unit;
  if (wide) {
    for (uint k = 0; k < hidden; k += 8) {
      float h[8];
      [[unroll]] for (uint j = 0; j < 8; ++j) h[j] = phase == 4 ? cells[from + k + j] : states[from + k + j];
      [[unroll]] for (uint g = 0; g < 4; ++g) {
        if (g < first_gate || g >= last_gate) continue;
        const float w[8] = load_eight(weight_words, ((weight_row + g * hidden) * hidden + k) / 8);
        [[unroll]] for (uint j = 0; j < 8; ++j) sums[g] = fma(w[j], h[j], sums[g]);
      }
    }
  } else {
    for (uint k = 0; k < hidden; ++k) {
      const float h = phase == 4 ? cells[from + k] : states[from + k];
      [[unroll]] for (uint g = 0; g < 4; ++g) {
        if (g < first_gate || g >= last_gate) continue;
        sums[g] = fma(widen(weights[(weight_row + g * hidden) * hidden + k]), h, sums[g]);
      }
    }
  }
  float inputs[4] = {0.0, 0.0, 0.0, 0.0};
  const uint product_row = ((direction * steps * batch + time * input_step + row * input_row) * GATES) * hidden + unit;
  const uint bias_row = direction * 2 * GATES * hidden + unit;
  [[unroll]] for (uint g = 0; g < 4; ++g) {
    if (g < first_gate || g >= last_gate) continue;
    inputs[g] = widen(products[product_row + g * hidden]);
    if (has_bias) {
      inputs[g] += widen(bias[bias_row + g * hidden]);
      sums[g] += widen(bias[bias_row + (GATES + g) * hidden]);
    }
  }

  float after = 0.0;
  if (phase == 0) {
    after = activate(direction, 0, inputs[0] + sums[0]);
  } else if (phase == 1) {
    const float cell = cells[i];
    const uint peephole = direction * 3 * hidden + unit;
    float in_gate = inputs[0] + sums[0], out_gate = inputs[1] + sums[1], forget_gate = inputs[2] + sums[2];
    if (has_peepholes) {
      in_gate += widen(peepholes[peephole]) * cell;
      forget_gate += widen(peepholes[peephole + 2 * hidden]) * cell;
    }
    in_gate = activate(direction, 0, in_gate);
    forget_gate = couples_forget ? 1.0 - in_gate : activate(direction, 0, forget_gate);
    const float candidate = activate(direction, 1, inputs[3] + sums[3]);
    const float kept = forget_gate * cell + in_gate * candidate;
    if (has_peepholes) out_gate += widen(peepholes[peephole + hidden]) * kept;
    after = activate(direction, 0, out_gate) * activate(direction, 2, kept);
    cells[i] = kept;
  } else if (phase == 2) {
    const float update = activate(direction, 0, inputs[0] + sums[0]);
    const float reset = activate(direction, 0, inputs[1] + sums[1]);
    const float candidate = activate(direction, 1, inputs[2] + reset * sums[2]);
    after = (1.0 - update) * candidate + update * before;
  } else if (phase == 3) {
    cells[i] = activate(direction, 0, inputs[0] + sums[0]);
    cells[count + i] = activate(direction, 0, inputs[1] + sums[1]) * before;
    return;
  } else {
    const float update = cells[i];
    const float candidate = activate(direction, 1, inputs[2] + sums[2]);
    after = (1.0 - update) * candidate + update * before;
  }
  states[write_half + i] = after;
  if (has_target) target[place] = narrow(after);
}
