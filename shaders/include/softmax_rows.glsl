// Softmax of rows that lie together, for software devices: the eight invocations of a subgroup share a row, without
// barriers. Sums are fp32, over the lanes in a fixed order. As softmax.comp otherwise.
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "indexing.glsl"
#include "texels.glsl"
#include "vector_store.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const bool logarithm = false;
layout(constant_id = 1) const bool wide = true;  // rows are whole words of eight; always so with texels

WORDS(0, source);
#if !READS_TEXELS
layout(set = 0, binding = 0) readonly buffer source_elements { STORED elements[]; };
#endif
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };
layout(set = 0, binding = 1) writeonly buffer target_elements { STORED results[]; };

layout(push_constant) uniform parameters { uint rows, length; };

#define lowest uintBitsToFloat(0xff800000u)

float sum_of(float x[8]) { return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7])); }

// A chain of eight would wait for itself.
float largest_of(float x[8]) {
  return max(max(max(x[0], x[1]), max(x[2], x[3])), max(max(x[4], x[5]), max(x[6], x[7])));
}

void wide_row(uint base, uint words, uint lane) {
  float largest = lowest;
  for (uint i = lane; i < words; i += 8) {
    const float x[8] = read_eight(source, base + i);
    largest = max(largest, largest_of(x));
  }
  largest = subgroupMax(largest);
  float sum = 0.0;
  for (uint i = lane; i < words; i += 8) {
    float x[8] = read_eight(source, base + i);
    [[unroll]] for (uint j = 0; j < 8; ++j) x[j] = exp(x[j] - largest);
    sum += sum_of(x);
  }
  sum = subgroupAdd(sum);
  const float log_sum = log(sum);
  const float share = 1.0 / sum;  // one division, since a division costs as much as ten products
  for (uint i = lane; i < words; i += 8) {
    float x[8] = read_eight(source, base + i);
    [[unroll]] for (uint j = 0; j < 8; ++j)
      x[j] = logarithm ? (x[j] - largest) - log_sum : exp(x[j] - largest) * share;
    store_eight(target, base + i, x);
  }
}

#if !READS_TEXELS
void ragged_row(uint base, uint lane) {
  float largest = lowest;
  for (uint i = lane; i < length; i += 8) largest = max(largest, widen(elements[base + i]));
  largest = subgroupMax(largest);
  float sum = 0.0;
  for (uint i = lane; i < length; i += 8) sum += exp(widen(elements[base + i]) - largest);
  sum = subgroupAdd(sum);
  const float log_sum = log(sum);
  for (uint i = lane; i < length; i += 8) {
    const float x = widen(elements[base + i]) - largest;
    results[base + i] = narrow(logarithm ? x - log_sum : exp(x) / sum);
  }
}
#endif

void main() {
  const uint row = group_index() * 8 + gl_SubgroupID;
  if (row >= rows) return;
  const uint lane = gl_SubgroupInvocationID;
#if !READS_TEXELS
  if (!wide) {
    ragged_row(row * length, lane);
    return;
  }
#endif
  wide_row(row * (length / 8), length / 8, lane);
}
