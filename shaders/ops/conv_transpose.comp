#version 450
// The transpose of a convolution: the window's positions ("out") are the operand's elements, and what it slides over
// ("in") is the result. An invocation adds up, in the order of the taps, what reaches one element of the result.
#include "indexing.glsl"
#include "precision.glsl"
#include "window.glsl"

layout(local_size_x = 64) in;
// The source holds the products [image, group, output and tap, position]; else the operand itself, and the sums over
// its channels are left to this kernel.
layout(constant_id = 0) const bool unfolded = true;
layout(constant_id = 1) const bool has_bias = false;

layout(set = 0, binding = 0) readonly buffer source_elements { STORED source[]; };
layout(set = 0, binding = 1) readonly buffer weight_elements { STORED weights[]; };
layout(set = 0, binding = 2) readonly buffer bias_elements { STORED bias[]; };
layout(set = 0, binding = 3) writeonly buffer target_elements { STORED target[]; };

layout(push_constant) uniform parameters {
  uint count;     // elements of the target
  uint channels;  // of one image of the target
  uint group_inputs, group_outputs;
  WINDOW_PARAMETERS
};

// The window's position whose tap lies here, or -1.
int position_of(int place, int stride, int extent) {
  return place >= 0 && place % stride == 0 && place / stride < extent ? place / stride : -1;
}

void main() {
  const uint i = global_index();
  if (i >= count) return;
  const int plane = in_z * in_y * in_x;
  const uint row = i / uint(plane);  // image and channel
  const int at = int(i % uint(plane));
  const int z = at / (in_x * in_y), y = at / in_x % in_y, x = at % in_x;
  const uint taps = uint(kernel_z * kernel_y * kernel_x);
  const uint positions = uint(out_z * out_y * out_x);
  const uint group = row / group_outputs;  // of all images
  const uint groups = channels / group_outputs;

  float sum = has_bias ? widen(bias[row % channels]) : 0.0;
  uint tap = 0;
  for (int a = 0; a < kernel_z; ++a) {
    const int from_z = position_of(z + pad_z - a * dilation_z, stride_z, out_z);
    for (int b = 0; b < kernel_y; ++b) {
      const int from_y = position_of(y + pad_y - b * dilation_y, stride_y, out_y);
      for (int c = 0; c < kernel_x; ++c, ++tap) {
        const int from_x = position_of(x + pad_x - c * dilation_x, stride_x, out_x);
        if (from_z < 0 || from_y < 0 || from_x < 0) continue;
        const uint position = uint((from_z * out_y + from_y) * out_x + from_x);
        if (unfolded) {
          sum += widen(source[(row * taps + tap) * positions + position]);
        } else {
          for (uint k = 0; k < group_inputs; ++k) {
            const float weight =
                widen(weights[((group % groups * group_inputs + k) * group_outputs + row % group_outputs) * taps + tap]);
            sum = fma(weight, widen(source[(group * group_inputs + k) * positions + position]), sum);
          }
        }
      }
    }
  }
  target[i] = narrow(sum);
}
