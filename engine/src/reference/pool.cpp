#include "kernels/pool.hpp"

#include <algorithm>
#include <limits>

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// Calls `visit(position in the plane, coordinates)` for every tap of the window at `at` that lies inside the input.
template <class Visitor>
void for_each_source(const sliding_window& window, const sliding_window::extents& at, Visitor visit) {
  for (std::int64_t a = 0; a < window.kernel[0]; ++a)
    for (std::int64_t b = 0; b < window.kernel[1]; ++b)
      for (std::int64_t c = 0; c < window.kernel[2]; ++c) {
        const sliding_window::extents from{window.source(0, at[0], a), window.source(1, at[1], b),
                                           window.source(2, at[2], c)};
        bool inside = true;
        for (std::size_t axis = 0; axis < sliding_window::axes; ++axis)
          inside = inside && from[axis] >= 0 && from[axis] < window.input[axis];
        if (inside) visit((from[0] * window.input[1] + from[1]) * window.input[2] + from[2], from);
      }
}

/// Calls `compute(plane, coordinates)` for every output element in order.
template <class Compute>
void for_each_output(const pool_shape& pool, Compute compute) {
  const sliding_window& window = pool.window;
  for (std::int64_t plane = 0; plane < pool.planes; ++plane)
    for (std::int64_t a = 0; a < window.output[0]; ++a)
      for (std::int64_t b = 0; b < window.output[1]; ++b)
        for (std::int64_t c = 0; c < window.output[2]; ++c) compute(plane, sliding_window::extents{a, b, c});
}

/// The position of the maximum as ONNX numbers it: into the whole input, its spatial axes row-major or (storage_order
/// 1) column-major.
std::int64_t index_of(const sliding_window& window, const sliding_window::extents& from, bool column_major) {
  if (!column_major) return (from[0] * window.input[1] + from[1]) * window.input[2] + from[2];
  return from[0] + window.input[0] * (from[1] + window.input[1] * from[2]);
}

template <class Element>
struct maxima {
  std::vector<Element> values;
  std::vector<std::int64_t> indices;
};

template <class Element>
maxima<Element> maxima_of(const pool_shape& pool, std::span<const Element> input, bool column_major) {
  constexpr Element lowest = std::numeric_limits<Element>::has_infinity ? -std::numeric_limits<Element>::infinity()
                                                                        : std::numeric_limits<Element>::lowest();
  maxima<Element> found;
  const std::int64_t plane_size = pool.window.input_plane();
  for_each_output(pool, [&](std::int64_t plane, const sliding_window::extents& at) {
    Element best = lowest;
    std::int64_t index = -1;
    for_each_source(pool.window, at, [&](std::int64_t position, const sliding_window::extents& from) {
      const Element candidate = input[static_cast<std::size_t>(plane * plane_size + position)];
      if (index >= 0 && !(candidate > best)) return;
      best = candidate;
      index = plane * plane_size + index_of(pool.window, from, column_major);
    });
    found.values.push_back(best);
    found.indices.push_back(index);
  });
  return found;
}

result<void> store_indices(const reference_context& context, std::span<const std::int64_t> indices) {
  if (!context.wants_output(1)) return {};
  TROUPE_TRY(context.output(1), tensor::from(context.output(1).dims(), indices));
  return {};
}

template <class Element>
result<void> max_pool_exactly(const reference_context& context, const pool_shape& pool, bool column_major) {
  const auto found = maxima_of<Element>(pool, context.input(0).as<Element>(), column_major);
  if (context.wants_output(0)) {
    TROUPE_TRY(context.output(0), tensor::from(context.output(0).dims(), std::span<const Element>(found.values)));
  }
  return store_indices(context, found.indices);
}

}  // namespace

result<void> max_pool_reference(reference_context& context) {
  TROUPE_TRY(const pool_shape pool, pool_shape_of(context.step(), context.input(0).dims()));
  const bool column_major = context.step().int_or("storage_order", 0) == 1;
  if (context.input(0).type() == dtype::i8) return max_pool_exactly<std::int8_t>(context, pool, column_major);
  if (context.input(0).type() == dtype::u8) return max_pool_exactly<std::uint8_t>(context, pool, column_major);
  TROUPE_TRY(const auto input, context.input_floats(0));
  const auto found = maxima_of<float>(pool, input, column_major);
  if (context.wants_output(0)) TROUPE_CHECK(context.set_output_floats(0, found.values));
  return store_indices(context, found.indices);
}

result<void> average_pool_reference(reference_context& context) {
  TROUPE_TRY(const pool_shape pool, pool_shape_of(context.step(), context.input(0).dims()));
  const bool count_padding = context.step().int_or("count_include_pad", 0) != 0;
  const sliding_window& window = pool.window;
  TROUPE_TRY(const auto input, context.input_floats(0));
  std::vector<float> values;
  for_each_output(pool, [&](std::int64_t plane, const sliding_window::extents& at) {
    double sum = 0;
    std::int64_t count = 0;
    for_each_source(window, at, [&](std::int64_t position, const sliding_window::extents&) {
      sum += input[static_cast<std::size_t>(plane * window.input_plane() + position)];
      ++count;
    });
    if (count_padding) count = padded_taps(window, at);
    values.push_back(count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count)));
  });
  return context.set_output_floats(0, values);
}

result<void> global_max_pool_reference(reference_context& context) {
  TROUPE_TRY(const auto input, context.input_floats(0));
  std::vector<float> values(context.output(0).elements());
  const std::size_t plane = values.empty() ? 0 : input.size() / values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto begin = input.begin() + static_cast<std::ptrdiff_t>(i * plane);
    values[i] = *std::max_element(begin, begin + static_cast<std::ptrdiff_t>(plane));
  }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
