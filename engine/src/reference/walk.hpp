// Plain walks over the indices of a tensor, for the reference definitions.
#pragma once

#include <array>
#include <cstring>

#include "troupe/engine/tensor.hpp"

namespace troupe {

using tensor_index = std::array<std::int64_t, limits::rank_max>;

/// Calls `visit(index)` for every index of `dims`, row-major.
template <class Visit>
void for_each_index(const shape& dims, Visit visit) {
  tensor_index index{};
  for (std::int64_t left = dims.elements(); left > 0; --left) {
    visit(static_cast<const tensor_index&>(index));
    for (std::size_t axis = dims.rank(); axis-- > 0;) {
      if (++index[axis] < dims[axis]) break;
      index[axis] = 0;
    }
  }
}

/// Row-major position of `index` in a dense tensor of shape `dims`.
inline std::size_t position(const shape& dims, const tensor_index& index) {
  std::int64_t place = 0;
  for (std::size_t axis = 0; axis < dims.rank(); ++axis) place = place * dims[axis] + index[axis];
  return static_cast<std::size_t>(place);
}

/// The same in an operand of shape `dims` that is broadcast to a result of rank `rank`, where `index` is the result's.
inline std::size_t broadcast_position(const shape& dims, std::size_t rank, const tensor_index& index) {
  std::int64_t place = 0;
  for (std::size_t axis = 0; axis < dims.rank(); ++axis)
    place = place * dims[axis] + (dims[axis] == 1 ? 0 : index[rank - dims.rank() + axis]);
  return static_cast<std::size_t>(place);
}

/// Fills `target` row-major: its element at each index is the one of `source` that `place(index)` says. Bytes only, so
/// any element type (the two tensors have the same).
template <class Place>
void gather_elements(const tensor& source, tensor& target, Place place) {
  const std::size_t size = size_of(target.type());
  const std::byte* from = source.bytes().data();
  std::byte* to = target.mutable_bytes().data();
  for_each_index(target.dims(), [&](const tensor_index& index) {
    std::memcpy(to, from + place(index) * size, size);
    to += size;
  });
}

}  // namespace troupe
