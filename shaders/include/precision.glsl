// How activations and weights lie in memory: STORED is float16_t or float, by the build's variant of the shader.
// Arithmetic is always fp32: widen() an element as it is loaded, narrow() it as it is stored. Both are macros so that no
// float16_t value exists outside a load or a store: then 16-bit storage is enough and no fp16 arithmetic is needed.
// STORED_BITS is the unsigned integer of the same size, for kernels that only move elements.
#ifndef TROUPE_PRECISION_GLSL
#define TROUPE_PRECISION_GLSL

#if TROUPE_STORAGE_F16
#extension GL_EXT_shader_16bit_storage : require

#define STORED float16_t
#define STORED_BITS uint16_t
#define widen(element) float(element)
#define narrow(value) float16_t(clamp_to_storage(value))

// A finite value too large for binary16 is stored as the largest finite one: one overflow must not turn the rest of
// the network into NaN. Infinities and NaNs that the mathematics gives stay what they are.
float clamp_to_storage(float value) {
  if (abs(value) > 65504.0 && !isinf(value)) return value > 0.0 ? 65504.0 : -65504.0;
  return value;
}
#else
#define STORED float
#define STORED_BITS uint
#define widen(element) (element)
#define narrow(value) (value)
#endif

#endif
