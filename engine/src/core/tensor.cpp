#include "troupe/engine/tensor.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::align_val_t alignment{64};

/// At least one byte, so that an empty tensor has storage as well.
std::shared_ptr<const std::byte> allocate(std::size_t byte_count) {
  auto* raw = static_cast<std::byte*>(::operator new(std::max<std::size_t>(byte_count, 1), alignment, std::nothrow));
  if (!raw) return {};
  return {raw, [](const std::byte* p) { ::operator delete(const_cast<std::byte*>(p), alignment); }};
}

/// The fp32 value that rounds to binary16 as `value` itself does: an inexact one gets an odd last bit, so that it never
/// falls on the middle between two neighbours (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums").
float round_to_odd(double value) {
  const float near = static_cast<float>(value);
  if (!std::isfinite(near) || static_cast<double>(near) == value) return near;
  auto bits = std::bit_cast<std::uint32_t>(near);
  if (std::abs(static_cast<double>(near)) > std::abs(value)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1u);
}

/// Integers saturate and NaN becomes 0: a plain cast of an out-of-range float is undefined.
template <class To, class From>
To convert_element(From from) {
  if constexpr (std::is_same_v<From, float16>) {
    return convert_element<To>(to_float(from));
  } else if constexpr (std::is_same_v<From, double> && std::is_same_v<To, float16>) {
    return to_float16(round_to_odd(from));
  } else if constexpr (std::is_same_v<To, float16>) {
    return to_float16(static_cast<float>(from));
  } else if constexpr (std::is_same_v<To, bool>) {
    return from != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(from)) return To{};
    constexpr auto lowest = static_cast<double>(std::numeric_limits<To>::min());
    constexpr auto highest = static_cast<double>(std::numeric_limits<To>::max());
    const double wide = static_cast<double>(from);
    if (wide <= lowest) return std::numeric_limits<To>::min();
    if (wide >= highest) return std::numeric_limits<To>::max();
    return static_cast<To>(from);
  } else {
    return static_cast<To>(from);
  }
}

template <class From, class To>
void convert_all(const tensor& from, tensor& to) {
  const auto source = from.as<From>();
  const auto target = to.as_mutable<To>();
  for (std::size_t i = 0; i < source.size(); ++i) target[i] = convert_element<To>(source[i]);
}

/// Calls `body` with a value of the C++ type of `type`.
template <class Body>
void with_type(dtype type, Body body) {
  switch (type) {
    case dtype::f16: return body(float16{});
    case dtype::f32: return body(float{});
    case dtype::f64: return body(double{});
    case dtype::i8: return body(std::int8_t{});
    case dtype::u8: return body(std::uint8_t{});
    case dtype::i32: return body(std::int32_t{});
    case dtype::i64: return body(std::int64_t{});
    case dtype::boolean: return body(bool{});
    case dtype::i16: return body(std::int16_t{});
    case dtype::u16: return body(std::uint16_t{});
    case dtype::u32: return body(std::uint32_t{});
    case dtype::u64: return body(std::uint64_t{});
  }
}

}  // namespace

result<tensor> tensor::make_uninitialized(dtype type, const troupe::shape& dims) {
  tensor made;
  made.type_ = type;
  made.dims_ = dims;
  made.storage_ = allocate(made.byte_size());
  if (!made.storage_)
    return fail(errc::out_of_memory, "the host has no {} bytes for a tensor {}", made.byte_size(), made.describe());
  return made;
}

result<tensor> tensor::make(dtype type, const troupe::shape& dims) {
  TROUPE_TRY(tensor made, make_uninitialized(type, dims));
  const auto raw = made.mutable_bytes();
  if (!raw.empty()) std::memset(raw.data(), 0, raw.size());
  return made;
}

result<tensor> tensor::from_bytes(dtype type, const troupe::shape& dims, std::span<const std::byte> bytes) {
  // The comparison comes first: a shape from outside must not decide how much is allocated.
  if (const std::size_t expected = static_cast<std::size_t>(dims.elements()) * size_of(type); bytes.size() != expected)
    return fail(errc::invalid_argument, "{} bytes were given for a tensor {}{} of {} bytes", bytes.size(),
                to_string(type), dims.to_string(), expected);
  TROUPE_TRY(tensor made, make_uninitialized(type, dims));
  if (!bytes.empty()) std::memcpy(made.mutable_bytes().data(), bytes.data(), bytes.size());
  return made;
}

result<tensor> tensor::from_shared(dtype type, const troupe::shape& dims, std::shared_ptr<const std::byte> storage,
                                   std::size_t byte_count) {
  tensor made;
  made.type_ = type;
  made.dims_ = dims;
  if (!storage || byte_count != made.byte_size())
    return fail(errc::invalid_argument, "{} bytes were given for a tensor {} of {} bytes", byte_count, made.describe(),
                made.byte_size());
  if (reinterpret_cast<std::uintptr_t>(storage.get()) % size_of(type) != 0)
    return fail(errc::invalid_argument, "the bytes of a tensor {} are not aligned", made.describe());
  made.storage_ = std::move(storage);
  made.borrowed_ = true;
  return made;
}

std::span<std::byte> tensor::mutable_bytes() {
  if (!storage_) return {};
  if (borrowed_ || storage_.use_count() > 1) {
    auto own = allocate(byte_size());
    if (!own) throw std::bad_alloc();  // the one place where a copy cannot be reported as a result
    std::memcpy(const_cast<std::byte*>(own.get()), storage_.get(), byte_size());
    storage_ = std::move(own);
    borrowed_ = false;
  }
  return {const_cast<std::byte*>(storage_.get()), byte_size()};
}

result<tensor> tensor::reshaped(const troupe::shape& dims) const {
  if (dims.elements() != dims_.elements())
    return fail(errc::invalid_argument, "a tensor {} cannot take the shape {}", describe(), dims.to_string());
  tensor same = *this;
  same.dims_ = dims;
  return same;
}

result<tensor> tensor::rows(std::int64_t first, std::int64_t count) const {
  if (dims_.rank() == 0 || first < 0 || count < 0 || first > dims_[0] - count)
    return fail(errc::invalid_argument, "a tensor {} has no rows [{}, {})", describe(), first, first + count);
  std::vector<std::int64_t> extents(dims_.begin(), dims_.end());
  extents[0] = count;
  TROUPE_TRY(const troupe::shape dims, troupe::shape::make(extents));
  tensor part;
  part.type_ = type_;
  part.dims_ = dims;
  const std::size_t offset = static_cast<std::size_t>(first * dims_.elements(1, dims_.rank())) * size_of(type_);
  part.storage_ = std::shared_ptr<const std::byte>(storage_, storage_.get() + offset);
  part.borrowed_ = borrowed_;
  return part;
}

std::string tensor::describe() const {
  return fmt::format("{}{}", to_string(type_), dims_.to_string());
}

bool bitwise_equal(const tensor& a, const tensor& b) noexcept {
  const auto x = a.bytes();
  const auto y = b.bytes();
  return a.type() == b.type() && a.dims() == b.dims() && x.size() == y.size() &&
         (x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0);
}

result<tensor> convert(const tensor& from, dtype to) {
  if (from.type() == to) return from;
  TROUPE_TRY(tensor made, tensor::make_uninitialized(to, from.dims()));
  with_type(from.type(), [&](auto source) {
    with_type(to, [&](auto target) { convert_all<decltype(source), decltype(target)>(from, made); });
  });
  return made;
}

result<tensor> convert_to_storage(const tensor& from, dtype storage) {
  if (storage != dtype::f16 || from.type() == dtype::f16) return convert(from, storage);
  TROUPE_TRY(const tensor wide, convert(from, dtype::f32));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype::f16, from.dims()));
  const auto source = wide.as<float>();
  const auto target = made.as_mutable<float16>();
  for (std::size_t i = 0; i < source.size(); ++i) target[i] = to_float16_clamped(source[i]);
  return made;
}

result<tensor> concat_rows(std::span<const tensor> parts) {
  assert(!parts.empty());
  const tensor& head = parts.front();
  std::int64_t rows = 0;
  for (const tensor& part : parts) {
    const bool fits = part.type() == head.type() && part.dims().rank() == head.dims().rank() &&
                      part.dims().rank() > 0 &&
                      std::equal(part.dims().begin() + 1, part.dims().end(), head.dims().begin() + 1);
    if (!fits)
      return fail(errc::invalid_argument, "tensors {} and {} cannot be joined along axis 0", head.describe(),
                  part.describe());
    rows += part.dims()[0];
  }
  if (parts.size() == 1) return head;
  std::vector<std::int64_t> extents(head.dims().begin(), head.dims().end());
  extents[0] = rows;
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor joined, tensor::make_uninitialized(head.type(), dims));
  auto target = joined.mutable_bytes();
  for (const tensor& part : parts) {
    const auto source = part.bytes();
    if (!source.empty()) std::memcpy(target.data(), source.data(), source.size());
    target = target.subspan(source.size());
  }
  return joined;
}

}  // namespace troupe
