// Rearranges the right operands of matrix products for gemm_packed.glsl: blocks of eight columns, and within them eight
// terms of each column as one word. Columns and terms past the edge are zeros. An invocation makes the eight words of eight
// columns by eight terms.
#extension GL_EXT_control_flow_attributes : require
#include "indexing.glsl"
#include "texels.glsl"
#include "weight_codes.glsl"

#define SINGLE 0   // elements anywhere
#define TERMS 1    // eight terms of a column are a word of the source
#define COLUMNS 2  // eight columns of a term are

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint form = SINGLE;
layout(constant_id = 1) const bool coded = false;  // see weight_codes.glsl; for binary16 only

WORDS(0, source);
layout(set = 0, binding = 1) writeonly buffer target_words { WIDE target[]; };

layout(push_constant) uniform parameters {
  uint matrices;
  uint inner, columns;              // extents of what is packed
  uint first_column;                // where in the source that begins
  uint term_stride, column_stride;  // of the source, in elements
  uint matrix_stride;
};

float element(uint at) {
  const float eight[8] = read_eight(source, at / 8);
  float found = eight[0];
  [[unroll]] for (uint j = 1; j < 8; ++j) found = at % 8 == j ? eight[j] : found;
  return found;
}

void main() {
  const uint eights = (inner + 7) / 8;
  const uint blocks = (columns + 7) / 8;
  const uint i = global_index();  // [matrix, block of columns, eight terms]
  if (i >= matrices * blocks * eights) return;
  const uint k0 = i % eights * 8;
  const uint column0 = i / eights % blocks * 8;
  const uint base = i / (eights * blocks) * matrix_stride + first_column * column_stride;
  float x[8][8];  // [column][term]
  [[unroll]] for (uint a = 0; a < 8; ++a) {
    if (form == TERMS) {
      x[a] = read_eight(source, (base + min(column0 + a, columns - 1) * column_stride + k0) / 8);
    } else if (form == COLUMNS) {
      const float term[8] = read_eight(source, (base + min(k0 + a, inner - 1) * term_stride + column0) / 8);
      [[unroll]] for (uint b = 0; b < 8; ++b) x[b][a] = term[b];
    } else {
      [[unroll]] for (uint b = 0; b < 8; ++b)
        x[a][b] = element(base + min(column0 + a, columns - 1) * column_stride + min(k0 + b, inner - 1) * term_stride);
    }
  }
  [[unroll]] for (uint a = 0; a < 8; ++a) {
    float word[8];
    [[unroll]] for (uint b = 0; b < 8; ++b) word[b] = column0 + a < columns && k0 + b < inner ? x[a][b] : 0.0;
#if TROUPE_STORAGE_F16
    if (coded) {
      target[8 * i + a] = uvec4(encode_pair(word[0], word[1]), encode_pair(word[2], word[3]),
                                encode_pair(word[4], word[5]), encode_pair(word[6], word[7]));
      continue;
    }
#endif
    copy_eight(target, 8 * i + a, word);
  }
}
