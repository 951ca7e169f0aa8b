// As pool.comp, over blocks of eight channels: an invocation walks one window in order for all eight.
// READS_TEXELS: see texels.glsl.
#extension GL_EXT_control_flow_attributes : require
#include "division.glsl"
#include "indexing.glsl"
#include "special_values.glsl"
#include "texels.glsl"
#include "vector_store.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool is_maximum = false;
layout(constant_id = 1) const bool counts_padding = false;  // the average divides by taps on the padding, too

WORDS(0, source);
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint count;  // words of the target
  int pad_end_z, pad_end_y, pad_end_x;
  WINDOW_PARAMETERS
};

// How many taps from `from` on, `dilation` apart, lie before `end`; there is at least one.
int taps_before(int from, int end, int dilation, int kernel) { return min(kernel, (end - from + dilation - 1) / dilation); }

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const uint out_plane = uint(out_z * out_y * out_x);
  uint image_block, position, row, x, z, y;
  divide(i, out_plane, image_block, position);
  divide(position, uint(out_x), row, x);
  divide(row, uint(out_y), z, y);
  const uint source_base = image_block * uint(in_z * in_y * in_x);
  const ivec3 origin = ivec3(z, y, x) * ivec3(stride_z, stride_y, stride_x) - ivec3(pad_z, pad_y, pad_x);

  float values[8];
  [[unroll]] for (uint j = 0; j < 8; ++j) values[j] = is_maximum ? -INFINITY : 0.0;
  float seen = 0.0;
  for (int tap_z = 0; tap_z < kernel_z; ++tap_z)
    for (int tap_y = 0; tap_y < kernel_y; ++tap_y)
      for (int tap_x = 0; tap_x < kernel_x; ++tap_x) {
        const ivec3 at = origin + ivec3(tap_z * dilation_z, tap_y * dilation_y, tap_x * dilation_x);
        const bool inside = is_inside(at);
        const float element[8] = read_eight(source, source_base + (inside ? plane_index(at) : 0));
        [[unroll]] for (uint j = 0; j < 8; ++j) {
          const float joined = is_maximum ? max(values[j], element[j]) : values[j] + element[j];
          values[j] = inside ? joined : values[j];
        }
        seen += inside ? 1.0 : 0.0;
      }
  if (!is_maximum) {
    if (counts_padding)
      seen = float(taps_before(origin.x, in_z + pad_end_z, dilation_z, kernel_z)) *
             float(taps_before(origin.y, in_y + pad_end_y, dilation_y, kernel_y)) *
             float(taps_before(origin.z, in_x + pad_end_x, dilation_x, kernel_x));
    [[unroll]] for (uint j = 0; j < 8; ++j) values[j] = seen > 0.0 ? values[j] / seen : 0.0;
  }
  store_eight(target, i, values);
}
