#version 450
// Extends or trims every axis. Specialization constant 0 says what is outside the operand; see pad.hpp.
#include "indexing.glsl"
#include "precision.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint mode = 0;

layout(set = 0, binding = 0) readonly buffer source_buffer { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_buffer { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;
  uint rank;
  float value;  // what surrounds the operand in mode 0
  uint extents[8];
  uint source_extents[8];
  int before[8];
};

// The place in [0, extent) that stands for `place`.
int fold(int place, int extent) {
  if (mode == 2 || extent == 1) return clamp(place, 0, extent - 1);  // edge
  // Reflection does not repeat the first and last element, so it comes back after 2 * (extent - 1).
  const int period = mode == 3 ? extent : 2 * (extent - 1);
  // GLSL leaves % of negative operands undefined, hence the detour.
  const int within = place >= 0 ? place % period : period - 1 - (-1 - place) % period;
  return within < extent ? within : period - within;
}

void main() {
  const uint i = global_index();
  if (i >= count) return;
  uint rest = i;
  uint from = 0;
  uint stride = 1;
  bool inside = true;
  for (int axis = int(rank) - 1; axis >= 0; --axis) {
    const uint quotient = rest / extents[axis];
    const int extent = int(source_extents[axis]);
    int place = int(rest - quotient * extents[axis]) - before[axis];
    if (mode != 0) place = fold(place, extent);
    inside = inside && place >= 0 && place < extent;
    from += uint(place) * stride;
    stride *= uint(extent);
    rest = quotient;
  }
  if (inside) {
    target[i] = source[from];
  } else {
    target[i] = narrow(value);
  }
}
