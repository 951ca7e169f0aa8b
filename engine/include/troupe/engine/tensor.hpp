// Dense row-major data with its type and shape: the value that goes into a model and comes out of it.
#pragma once

#include <cassert>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "troupe/engine/dtype.hpp"
#include "troupe/engine/shape.hpp"

namespace troupe {

/// A value: copies share storage until one of them is written (copy on write), so passing a tensor between actors
/// or threads costs no copy of the data. One tensor object is not to be used by two threads at once; two copies are.
/// Storage is aligned to 64 bytes when Troupe allocated it.
class tensor {
public:
  /// A float32 scalar 0 without storage.
  tensor() = default;

  /// Zero-filled. Fails with `out_of_memory` when the host cannot give the bytes.
  static result<tensor> make(dtype type, const troupe::shape& dims);
  /// As `make`, without the zeros: the caller writes every byte before anyone reads.
  static result<tensor> make_uninitialized(dtype type, const troupe::shape& dims);
  /// A copy of `bytes`, whose number must match.
  static result<tensor> from_bytes(dtype type, const troupe::shape& dims, std::span<const std::byte> bytes);
  /// Shares `storage` of `byte_count` bytes without a copy (a received frame or a mapped file, say); it must be aligned
  /// to the element size. It is never written: who writes to the tensor gets a copy first.
  static result<tensor> from_shared(dtype type, const troupe::shape& dims, std::shared_ptr<const std::byte> storage,
                                    std::size_t byte_count);
  /// A copy of typed elements.
  template <class T>
  static result<tensor> from(const troupe::shape& dims, std::span<const T> elements) {
    return from_bytes(dtype_of<T>::value, dims, std::as_bytes(elements));
  }

  dtype type() const noexcept { return type_; }
  const troupe::shape& dims() const noexcept { return dims_; }
  std::size_t elements() const noexcept { return static_cast<std::size_t>(dims_.elements()); }
  std::size_t byte_size() const noexcept { return elements() * size_of(type_); }

  std::span<const std::byte> bytes() const noexcept { return {storage_.get(), storage_ ? byte_size() : 0}; }
  /// Writable bytes; when somebody else shares the storage, this one gets its own copy first.
  std::span<std::byte> mutable_bytes();
  /// The storage itself, to keep it alive without a copy.
  const std::shared_ptr<const std::byte>& storage() const noexcept { return storage_; }

  /// Elements as `T`, which must be the C++ type of `type()` (asserted).
  template <class T>
  std::span<const T> as() const noexcept {
    assert(dtype_of<T>::value == type_);
    return {reinterpret_cast<const T*>(storage_.get()), storage_ ? elements() : 0};
  }
  template <class T>
  std::span<T> as_mutable() {
    assert(dtype_of<T>::value == type_);
    const auto raw = mutable_bytes();
    return {reinterpret_cast<T*>(raw.data()), raw.empty() ? 0 : elements()};
  }

  /// The same data under another shape with the same number of elements.
  result<tensor> reshaped(const troupe::shape& dims) const;
  /// Rows [first, first + count) along axis 0, sharing the storage. The tensor must have rank >= 1.
  result<tensor> rows(std::int64_t first, std::int64_t count) const;

  /// "float32[1,3,224,224]".
  std::string describe() const;

private:
  std::shared_ptr<const std::byte> storage_;
  troupe::shape dims_;
  dtype type_ = dtype::f32;
  bool borrowed_ = false;  ///< the storage came from outside and may be read-only
};

/// Same type, shape and bytes.
bool bitwise_equal(const tensor& a, const tensor& b) noexcept;

/// Elements of any type as `to`, with the rules of ONNX Cast: floats round to nearest even, float to integer
/// truncates (out of range saturates; NaN gives 0), anything to bool is `!= 0`.
result<tensor> convert(const tensor& from, dtype to);

/// As `convert(from, f16)`, with finite overflow clamped to 65504 (see `to_float16_clamped`).
result<tensor> convert_to_storage(const tensor& from, dtype storage);

/// Joins tensors of one type along axis 0; all other extents must agree. Not for an empty list.
result<tensor> concat_rows(std::span<const tensor> parts);

}  // namespace troupe
