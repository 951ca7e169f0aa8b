#version 450
// The maximum or the average of the input under a window; taps on the padding are not there. An invocation walks one
// window in order; with a large one a workgroup walks it, and joins 64 partial results by a fixed tree.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "precision.glsl"
#include "reduce.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool is_maximum = false;
layout(constant_id = 1) const bool counts_padding = false;  // the average divides by taps on the padding, too
layout(constant_id = 2) const bool cooperative = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;  // elements of the target
  int pad_end_z, pad_end_y, pad_end_x;
  WINDOW_PARAMETERS
};

float joined(float a, float b) { return is_maximum ? max(a, b) : a + b; }

// How many taps from `from` on, `dilation` apart, lie before `end`; there is at least one.
int taps_before(int from, int end, int dilation, int kernel) { return min(kernel, (end - from + dilation - 1) / dilation); }

void main() {
  const uint i = cooperative ? group_index() : global_index();
  if (i >= count) return;
  const uint out_plane = uint(out_z * out_y * out_x);
  const uint source_base = i / out_plane * uint(in_z * in_y * in_x);
  const ivec3 origin = window_origin(int(i % out_plane));

  float value = is_maximum ? negative_infinity : 0.0;
  float seen = 0.0;
  if (cooperative) {
    const uint taps = uint(kernel_z * kernel_y * kernel_x);
    for (uint tap = gl_LocalInvocationID.x; tap < taps; tap += 64) {
      const ivec3 at = origin + tap_offset(int(tap));
      if (!is_inside(at)) continue;
      value = joined(value, widen(source[source_base + plane_index(at)]));
      seen += 1.0;
    }
    value = is_maximum ? group_maximum(value) : group_sum(value);
    seen = group_sum(seen);
    if (gl_LocalInvocationID.x != 0) return;
  } else {
    for (int z = 0; z < kernel_z; ++z)
      for (int y = 0; y < kernel_y; ++y)
        for (int x = 0; x < kernel_x; ++x) {
          const ivec3 at = origin + ivec3(z * dilation_z, y * dilation_y, x * dilation_x);
          const bool inside = is_inside(at);
          const float element = widen(source[source_base + (inside ? plane_index(at) : 0)]);
          value = inside ? joined(value, element) : value;
          seen += inside ? 1.0 : 0.0;
        }
  }
  if (!is_maximum) {
    if (counts_padding)
      seen = float(taps_before(origin.x, in_z + pad_end_z, dilation_z, kernel_z)) *
             float(taps_before(origin.y, in_y + pad_end_y, dilation_y, kernel_y)) *
             float(taps_before(origin.z, in_x + pad_end_x, dilation_x, kernel_x));
    value = seen > 0.0 ? value / seen : 0.0;
  }
  target[i] = narrow(value);
}
