// The extents of a tensor, with arithmetic that cannot overflow unseen.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "troupe/engine/limits.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// Up to `limits::rank_max` extents, outermost first. A shape that exists is valid: every extent is at least 0 and
/// the number of elements at most `limits::elements_max`. Rank 0 is a scalar.
class shape {
public:
  /// A scalar.
  shape() = default;
  /// For extents that the program itself knows to be valid (asserted); `make` is for extents from outside.
  shape(std::initializer_list<std::int64_t> extents);

  /// Checks rank, signs and the number of elements.
  static result<shape> make(std::span<const std::int64_t> extents);

  std::size_t rank() const noexcept { return rank_; }
  std::int64_t operator[](std::size_t axis) const noexcept { return extents_[axis]; }
  std::span<const std::int64_t> extents() const noexcept { return {extents_.data(), rank_}; }
  auto begin() const noexcept { return extents_.begin(); }
  auto end() const noexcept { return extents_.begin() + rank_; }

  /// Product of all extents; 1 for a scalar.
  std::int64_t elements() const noexcept;
  /// Product of the extents of axes [first, last).
  std::int64_t elements(std::size_t first, std::size_t last) const noexcept;
  /// Distance in elements between neighbours along each axis of a dense row-major tensor of this shape.
  std::array<std::int64_t, limits::rank_max> strides() const noexcept;

  /// "[2,3,224,224]"; "[]" for a scalar.
  std::string to_string() const;

  friend bool operator==(const shape&, const shape&) = default;

private:
  std::array<std::int64_t, limits::rank_max> extents_{};
  std::uint8_t rank_ = 0;
};

/// The numpy/ONNX broadcast of two shapes, or an error that names both.
result<shape> broadcast(const shape& a, const shape& b);

/// Maps an axis in [-rank, rank) to [0, rank).
result<std::size_t> normalize_axis(std::int64_t axis, std::size_t rank);

}  // namespace troupe
