#include "kernels/scatter.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/index_operands.hpp"
#include "reference/element_types.hpp"
#include "reference/walk.hpp"

namespace troupe {
namespace {

/// Where updates go: each of them is a block of `block` neighbours that starts at its place.
struct destinations {
  std::vector<std::size_t> places;
  std::size_t block = 1;
};

template <class T>
T join(scatter_reduction reduction, T a, T b) {
  const bool keeps_nan = a != a;
  switch (reduction) {
    case scatter_reduction::min: return a < b || keeps_nan ? a : b;
    case scatter_reduction::max: return a > b || keeps_nan ? a : b;
    default: break;
  }
  if constexpr (std::is_integral_v<T>) {  // modulo 2^bits
    const auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
    return static_cast<T>(reduction == scatter_reduction::add ? x + y : x * y);
  } else {
    return reduction == scatter_reduction::add ? a + b : a * b;
  }
}

/// In the order of the updates.
result<void> scatter(reference_context& context, const destinations& where) {
  TROUPE_TRY(const scatter_reduction reduction, read_scatter_reduction(context.step()));
  const tensor& updates = context.input(2);
  tensor& target = context.output(0);
  if (reduction == scatter_reduction::none) {
    target = context.input(0);
    const std::size_t size = size_of(target.type()) * where.block;
    std::byte* to = target.mutable_bytes().data();
    if (size == 0) return {};
    for (std::size_t i = 0; i < where.places.size(); ++i)
      std::memcpy(to + where.places[i] * size_of(target.type()), updates.bytes().data() + i * size, size);
    return {};
  }
  const dtype type = target.type() == dtype::f16 ? dtype::f32 : target.type();
  TROUPE_TRY(tensor joined, convert(context.input(0), type));
  TROUPE_TRY(const tensor wide, convert(updates, type));
  TROUPE_CHECK(with_arithmetic_type(type, [&](auto zero) -> result<void> {
    using element = decltype(zero);
    const auto to = joined.as_mutable<element>();
    const auto from = wide.as<element>();
    for (std::size_t i = 0; i < where.places.size(); ++i)
      for (std::size_t k = 0; k < where.block; ++k) {
        element& there = to[where.places[i] + k];
        there = join(reduction, there, from[i * where.block + k]);
      }
    return {};
  }));
  TROUPE_TRY(target, target.type() == dtype::f16 ? convert_to_storage(joined, dtype::f16) : convert(joined, type));
  return {};
}

}  // namespace

result<void> scatter_elements_reference(reference_context& context) {
  const shape& data = context.input(0).dims();
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.rank()));
  TROUPE_TRY(auto indices, context.input_ints(1));
  for (std::int64_t& index : indices) {
    TROUPE_TRY(index, normalize_index(context.step(), index, data[axis]));
  }
  destinations where;
  where.places.reserve(indices.size());
  std::size_t i = 0;
  for_each_index(context.input(1).dims(), [&](const tensor_index& index) {
    tensor_index to = index;
    to[axis] = indices[i++];
    where.places.push_back(position(data, to));
  });
  return scatter(context, where);
}

result<void> scatter_nd_reference(reference_context& context) {
  const shape& data = context.input(0).dims();
  const shape& indices = context.input(1).dims();
  const auto depth = static_cast<std::size_t>(indices[indices.rank() - 1]);
  TROUPE_TRY(const auto coordinates, context.input_ints(1));
  const auto steps = data.strides();
  destinations where{.places = {}, .block = static_cast<std::size_t>(data.elements(depth, data.rank()))};
  const auto rows = static_cast<std::size_t>(indices.elements(0, indices.rank() - 1));
  for (std::size_t row = 0; row < rows; ++row) {
    std::int64_t place = 0;
    for (std::size_t i = 0; i < depth; ++i) {
      TROUPE_TRY(const std::int64_t index, normalize_index(context.step(), coordinates[row * depth + i], data[i]));
      place += index * steps[i];
    }
    where.places.push_back(static_cast<std::size_t>(place));
  }
  return scatter(context, where);
}

}  // namespace troupe
