// How elements travel between tensors of the host and device memory.
#pragma once

#include <span>
#include <string_view>

#include "troupe/engine/operator.hpp"

namespace troupe {

/// How a value of this type lies in device memory.
constexpr storage_kind storage_of(dtype type) noexcept {
  return is_float(type) ? storage_kind::activation : storage_kind::index32;
}

/// The element type of device memory: `storage` for activations, i32 for indices.
constexpr dtype element_type(storage_kind kind, dtype storage) noexcept {
  switch (kind) {
    case storage_kind::activation: return storage;
    case storage_kind::index32: return dtype::i32;
    case storage_kind::float32: return dtype::f32;
    case storage_kind::bytes: return dtype::u8;
  }
  return storage;
}

/// Writes `data` to `target`, which has exactly the bytes of its elements in device form: floats rounded to `storage`
/// (clamped, for f16), integers as i32, bytes as they are. An integer outside 32 bits is an error that names it and the
/// tensor `name`.
result<void> write_storage(const tensor& data, storage_kind kind, dtype storage, std::span<std::byte> target,
                           std::string_view name);

/// A tensor of `type` from bytes in device form.
result<tensor> read_storage(std::span<const std::byte> source, storage_kind kind, dtype storage, dtype type,
                            const shape& dims);

}  // namespace troupe
