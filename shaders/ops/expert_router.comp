#version 450
// Of each row the experts with the largest logits, the lower of two equals first, and their parts of a softmax.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) readonly buffer logit_elements { STORED logits[]; };
layout(set = 0, binding = 1) writeonly buffer id_elements { STORED ids[]; };
layout(set = 0, binding = 2) writeonly buffer weight_elements { STORED weights[]; };

layout(push_constant) uniform parameters {
  uint rows, experts, top;
  uint normalized;  // over the chosen, and not over all
  float scale;
};

#define LEAST uintBitsToFloat(0xff800000u)

// A NaN is smaller than every number.
float logit(uint at) {
  const float x = widen(logits[at]);
  return isnan(x) ? LEAST : x;
}

float part(float x, float largest) { return x == largest ? 1.0 : exp(x - largest); }

void main() {
  const uint row = global_index();
  if (row >= rows) return;
  float largest = LEAST;
  for (uint e = 0; e < experts; ++e) largest = max(largest, logit(row * experts + e));
  float sum = 0.0;
  if (normalized == 0)
    for (uint e = 0; e < experts; ++e) sum += part(logit(row * experts + e), largest);

  // Each choice is the largest of those behind the one before, in the order of (logit, expert).
  float value = LEAST;
  uint expert = 0;
  for (uint pass = 0; pass < 2; ++pass) {  // with `normalized`, the sum comes first
    if (pass == 0 && normalized == 0) continue;
    for (uint i = 0; i < top; ++i) {
      float best = LEAST;
      uint chosen = experts;
      for (uint e = 0; e < experts; ++e) {
        const float x = logit(row * experts + e);
        const bool behind = i == 0 || x < value || (x == value && e > expert);
        if (behind && (chosen == experts || x > best)) {
          best = x;
          chosen = e;
        }
      }
      value = best;
      expert = chosen;
      if (pass == 0) {
        sum += part(value, largest);
      } else {
        ids[row * top + i] = narrow(float(expert));
        weights[row * top + i] = narrow(scale * (part(value, largest) / sum));
      }
    }
  }
}
