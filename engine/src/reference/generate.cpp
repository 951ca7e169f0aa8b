#include "kernels/generate.hpp"

#include <algorithm>
#include <cstring>

#include "reference/element_types.hpp"

namespace troupe {

result<void> constant_of_shape_reference(reference_context& context) {
  const tensor* value = context.step().tensor_attribute("value");
  if (!value) return {};  // outputs start as zeros
  tensor& target = context.output(0);
  const std::size_t size = size_of(target.type());
  const auto bytes = target.mutable_bytes();
  for (std::size_t at = 0; at < bytes.size(); at += size) std::memcpy(bytes.data() + at, value->bytes().data(), size);
  return {};
}

result<void> eye_like_reference(reference_context& context) {
  tensor& target = context.output(0);
  const std::int64_t rows = target.dims()[0], columns = target.dims()[1];
  // No diagonal is further away than a matrix is large.
  const std::int64_t shift = std::clamp(context.step().int_or("k", 0), -rows, columns);
  TROUPE_TRY(tensor ones, tensor::make(dtype::u8, target.dims()));
  const auto to = ones.as_mutable<std::uint8_t>();
  for (std::int64_t row = 0; row < rows; ++row)
    if (const std::int64_t column = row + shift; column >= 0 && column < columns)
      to[static_cast<std::size_t>(row * columns + column)] = 1;
  TROUPE_TRY(target, convert(ones, target.type()));
  return {};
}

result<void> range_reference(reference_context& context) {
  tensor& target = context.output(0);
  const dtype type = target.type();
  const dtype wide = is_float(type) ? dtype::f64 : type;
  TROUPE_TRY(const tensor start, convert(context.input(0), wide));
  TROUPE_TRY(const tensor delta, convert(context.input(2), wide));
  TROUPE_TRY(tensor made, tensor::make_uninitialized(wide, target.dims()));
  TROUPE_CHECK(with_arithmetic_type(wide, [&](auto zero) -> result<void> {
    using element = decltype(zero);
    const element first = start.as<element>()[0];
    const element step = delta.as<element>()[0];
    std::uint64_t i = 0;
    for (element& value : made.as_mutable<element>()) {
      if constexpr (std::is_integral_v<element>)
        value = static_cast<element>(static_cast<std::uint64_t>(first) + i * static_cast<std::uint64_t>(step));
      else
        value = first + static_cast<element>(i) * step;
      ++i;
    }
    return {};
  }));
  TROUPE_TRY(target, type == dtype::f16 ? convert_to_storage(made, type) : convert(made, type));
  return {};
}

}  // namespace troupe
