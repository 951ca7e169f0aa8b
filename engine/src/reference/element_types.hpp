// Writes a reference definition once for every element type.
#pragma once

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/dtype.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// Calls `body(T{})` with the C++ type that arithmetic of `type` uses, and returns what it returns. For float16 that
/// is not a C++ arithmetic type: callers widen it first.
template <class Body>
result<void> with_arithmetic_type(dtype type, Body body) {
  switch (type) {
    case dtype::f32: return body(float{});
    case dtype::f64: return body(double{});
    case dtype::i8: return body(std::int8_t{});
    case dtype::u8: return body(std::uint8_t{});
    case dtype::i32: return body(std::int32_t{});
    case dtype::i64: return body(std::int64_t{});
    case dtype::i16: return body(std::int16_t{});
    case dtype::u16: return body(std::uint16_t{});
    case dtype::u32: return body(std::uint32_t{});
    case dtype::u64: return body(std::uint64_t{});
    default: return fail(errc::internal, "no arithmetic is defined for {}", to_string(type));
  }
}

}  // namespace troupe
