// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015):
// tiles of 6 x 6 inputs and kernels of 3 x 3 go to 36 points, where 36 products stand for the 144 of 4 x 4 outputs.
// The points of the polynomials are 0, +-sqrt(1/2), +-sqrt(2) and infinity: with them the factors stay between 1/3 and 3,
// so that little is lost to rounding. All arithmetic and all that is kept between the kernels is fp32.
//
// Memory, in floats: inputs [36 points, block of 8 channels, position, 8 channels], a position being one tile of one
// image; weights [36, block of 8 outputs, block of 8 channels, 8 outputs, 8 channels]; products as inputs are.
#ifndef TROUPE_WINOGRAD_GLSL
#define TROUPE_WINOGRAD_GLSL

#extension GL_EXT_control_flow_attributes : require

#define ROOT_HALF 0.70710678
#define ROOT_TWO 1.41421356

// FOURS(binding, name): declares a read-only operand of set 0 that holds fp32 whatever the storage type is.
// read_four(name, i): elements [4 * i, 4 * i + 4).
#if READS_TEXELS
#define FOURS(at, name) layout(set = 0, binding = at) uniform usamplerBuffer name
#define read_four(name, i) uintBitsToFloat(texelFetch(name, int(i)))
#else
#define FOURS(at, name) layout(set = 0, binding = at) readonly buffer name##_block { vec4 name[]; }
#define read_four(name, i) name[i]
#endif

// Six inputs of two channels.
vec2[6] transform_input(vec2 d[6]) {
  const vec2 a = d[4] - 2.0 * d[2], b = ROOT_HALF * (d[3] - 2.0 * d[1]);
  const vec2 c = d[4] - 0.5 * d[2], e = ROOT_TWO * (d[3] - 0.5 * d[1]);
  return vec2[6](d[0] - 2.5 * d[2] + d[4], a + b, a - b, c + e, c - e, d[1] - 2.5 * d[3] + d[5]);
}

// Three weights.
float[6] transform_weights(float g[3]) {
  const float a = -2.0 / 3.0 * g[0] - 1.0 / 3.0 * g[2], b = -2.0 / 3.0 * ROOT_HALF * g[1];
  const float c = 1.0 / 6.0 * g[0] + 1.0 / 3.0 * g[2], e = 1.0 / 6.0 * ROOT_TWO * g[1];
  return float[6](g[0], a + b, a - b, c + e, c - e, g[2]);
}

// Six products of four channels give four outputs.
vec4[4] transform_output(vec4 m[6]) {
  const vec4 a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], e = m[3] - m[4];
  return vec4[4](m[0] + a + c, ROOT_HALF * b + ROOT_TWO * e, 0.5 * a + 2.0 * c,
                 0.5 * ROOT_HALF * b + 2.0 * ROOT_TWO * e + m[5]);
}

#endif
