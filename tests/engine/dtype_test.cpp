#include "troupe/engine/dtype.hpp"

#include <cmath>
#include <limits>

#include "support/check.hpp"

using namespace troupe;

TEST_CASE("every binary16 value survives the way to float and back") {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float16 half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half);
    const bool is_nan = (bits & 0x7c00u) == 0x7c00u && (bits & 0x3ffu) != 0;
    REQUIRE(std::isnan(wide) == is_nan);
    const auto back = to_float16(wide).bits;
    REQUIRE(back == (is_nan ? (bits | 0x200u) : bits));
  }
}

TEST_CASE("widening equals the definition of binary16") {
  for (std::uint32_t bits = 0; bits < 0x7c00u; ++bits) {
    const int exponent = static_cast<int>(bits >> 10);
    const double mantissa = static_cast<double>(bits & 0x3ffu);
    const double expected = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    REQUIRE(static_cast<double>(to_float({static_cast<std::uint16_t>(bits)})) == expected);
    REQUIRE(static_cast<double>(to_float({static_cast<std::uint16_t>(bits | 0x8000u)})) == -expected);
  }
}

TEST_CASE("narrowing rounds to nearest and ties to even") {
  // Between every two neighbours: just below the middle, the middle, just above it.
  for (std::uint32_t bits = 0; bits < 0x7bffu; ++bits) {
    const float low = to_float({static_cast<std::uint16_t>(bits)});
    const float high = to_float({static_cast<std::uint16_t>(bits + 1)});
    const float middle = (low + high) / 2;  // exact: one more bit than binary16 has
    REQUIRE(to_float16(std::nextafter(middle, low)).bits == bits);
    REQUIRE(to_float16(std::nextafter(middle, high)).bits == bits + 1);
    REQUIRE(to_float16(middle).bits == (bits % 2 == 0 ? bits : bits + 1));
    REQUIRE(to_float16(-middle).bits == (0x8000u | (bits % 2 == 0 ? bits : bits + 1)));
  }
}

TEST_CASE("overflow gives infinity, or the largest finite value when clamped") {
  CHECK(to_float16(65519.0f).bits == 0x7bffu);
  CHECK(to_float16(65520.0f).bits == 0x7c00u);
  CHECK(to_float16_clamped(65520.0f).bits == 0x7bffu);
  CHECK(to_float16_clamped(-1e30f).bits == 0xfbffu);
  CHECK(to_float16_clamped(std::numeric_limits<float>::infinity()).bits == 0x7c00u);
  CHECK(std::isnan(to_float(to_float16_clamped(std::numeric_limits<float>::quiet_NaN()))));
}
