// Element types of tensors, and the half-precision type with its conversions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe {

/// Element type of a tensor. Values travel on the wire: add at the end, never renumber.
enum class dtype : std::uint8_t {
  f16 = 1,
  f32 = 2,
  f64 = 3,
  i8 = 4,
  u8 = 5,
  i32 = 6,
  i64 = 7,
  boolean = 8,
  i16 = 9,
  u16 = 10,
  u32 = 11,
  u64 = 12
};

/// True for a value of `dtype` that this build knows; check it before believing one from outside.
constexpr bool is_valid(dtype type) noexcept {
  return type >= dtype::f16 && type <= dtype::u64;
}

/// Bytes of one element.
constexpr std::size_t size_of(dtype type) noexcept {
  switch (type) {
    case dtype::i8:
    case dtype::u8:
    case dtype::boolean: return 1;
    case dtype::f16:
    case dtype::i16:
    case dtype::u16: return 2;
    case dtype::f32:
    case dtype::i32:
    case dtype::u32: return 4;
    case dtype::f64:
    case dtype::i64:
    case dtype::u64: return 8;
  }
  return 0;
}

constexpr bool is_float(dtype type) noexcept {
  return type == dtype::f16 || type == dtype::f32 || type == dtype::f64;
}

/// Every type but floats and bool.
constexpr bool is_integer(dtype type) noexcept {
  return is_valid(type) && !is_float(type) && type != dtype::boolean;
}

/// The type's name as people know it, e.g. "float32".
std::string_view to_string(dtype type) noexcept;

/// IEEE 754 binary16 as a storage type: arithmetic happens in float.
struct float16 {
  std::uint16_t bits = 0;
  friend bool operator==(float16, float16) = default;  // compares bits: -0 differs from +0, a NaN equals itself
};

/// Exact widening; a NaN stays a NaN with its payload.
float to_float(float16 half) noexcept;

/// Rounds to nearest, ties to even; overflow gives infinity; a NaN stays a (quiet) NaN.
float16 to_float16(float value) noexcept;

/// As `to_float16`, but a finite value too large for binary16 becomes the largest finite one (65504), as the
/// kernels store it: one overflowing activation must not turn the rest of a network into NaN.
float16 to_float16_clamped(float value) noexcept;

/// The C++ type of a tensor element and its dtype. `bool` elements are one byte, 0 or 1.
template <class T>
struct dtype_of;
template <>
struct dtype_of<float16> {
  static constexpr dtype value = dtype::f16;
};
template <>
struct dtype_of<float> {
  static constexpr dtype value = dtype::f32;
};
template <>
struct dtype_of<double> {
  static constexpr dtype value = dtype::f64;
};
template <>
struct dtype_of<std::int8_t> {
  static constexpr dtype value = dtype::i8;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr dtype value = dtype::u8;
};
template <>
struct dtype_of<std::int16_t> {
  static constexpr dtype value = dtype::i16;
};
template <>
struct dtype_of<std::uint16_t> {
  static constexpr dtype value = dtype::u16;
};
template <>
struct dtype_of<std::uint32_t> {
  static constexpr dtype value = dtype::u32;
};
template <>
struct dtype_of<std::uint64_t> {
  static constexpr dtype value = dtype::u64;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr dtype value = dtype::i32;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr dtype value = dtype::i64;
};
template <>
struct dtype_of<bool> {
  static constexpr dtype value = dtype::boolean;
};

}  // namespace troupe
