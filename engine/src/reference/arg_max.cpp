#include "kernels/arg_max.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/softmax.hpp"
#include "reference/element_types.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// The lines of a tensor along one axis: line i begins at `first(i)` and has `length` elements `inner` apart.
struct tensor_lines {
  std::int64_t count = 0, length = 0, inner = 1;

  tensor_lines(const shape& dims, std::size_t axis)
      : count(dims.elements(0, axis) * dims.elements(axis + 1, dims.rank())),
        length(dims[axis]),
        inner(dims.elements(axis + 1, dims.rank())) {}
  std::size_t place(std::int64_t line, std::int64_t k) const {
    return static_cast<std::size_t>((line / inner * length + k) * inner + line % inner);
  }
};

/// Calls `body(values)` with the operand's elements in their arithmetic type.
template <class Body>
result<void> with_values(const tensor& operand, Body body) {
  const dtype type = operand.type() == dtype::f16 ? dtype::f32 : operand.type();
  TROUPE_TRY(const tensor wide, convert(operand, type));
  return with_arithmetic_type(type, [&](auto zero) -> result<void> {
    body(wide.as<decltype(zero)>());
    return {};
  });
}

}  // namespace

result<void> arg_max_reference(reference_context& context) {
  const node& step = context.step();
  const shape& dims = context.input(0).dims();
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), dims.rank()));
  const bool largest = step.op == "ArgMax";
  const bool last_wins = step.int_or("select_last_index", 0) != 0;
  const tensor_lines lines(dims, axis);
  const auto target = context.output(0).as_mutable<std::int64_t>();
  return with_values(context.input(0), [&](auto values) {
    for (std::int64_t line = 0; line < lines.count; ++line) {
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < lines.length; ++k) {
        const auto here = values[lines.place(line, k)], there = values[lines.place(line, best)];
        if (is_better(here, there, largest) || (last_wins && !is_better(there, here, largest))) best = k;
      }
      target[static_cast<std::size_t>(line)] = best;
    }
  });
}

/// The first of the largest elements of each row becomes 1, the others 0.
result<void> hardmax_reference(reference_context& context) {
  TROUPE_TRY(const softmax_shape rows, softmax_shape_of(context.step(), context.input(0).dims()));
  TROUPE_TRY(const auto values, context.input_floats(0));
  std::vector<float> chosen(values.size(), 0.0f);
  for (std::int64_t row = 0; row < rows.outer * rows.inner && rows.length > 0; ++row) {
    const auto place = [&](std::int64_t k) {
      return static_cast<std::size_t>((row / rows.inner * rows.length + k) * rows.inner + row % rows.inner);
    };
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < rows.length; ++k)
      if (is_better(values[place(k)], values[place(best)], true)) best = k;
    chosen[place(best)] = 1;
  }
  return context.set_output_floats(0, chosen);
}

/// Sorted whether or not the model asks for it, the lower index first among equals.
result<void> top_k_reference(reference_context& context) {
  const node& step = context.step();
  const tensor& given = context.input(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", -1), given.dims().rank()));
  const bool largest = step.int_or("largest", 1) != 0;
  const tensor_lines lines(given.dims(), axis);
  const std::size_t any = context.wants_output(0) ? 0 : 1;
  const tensor_lines chosen(context.output(any).dims(), axis);
  const std::size_t size = size_of(given.type());
  std::byte* const kept = context.wants_output(0) ? context.output(0).mutable_bytes().data() : nullptr;
  const auto indices =
      context.wants_output(1) ? context.output(1).as_mutable<std::int64_t>() : std::span<std::int64_t>();
  return with_values(given, [&](auto values) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(lines.length));
    for (std::int64_t line = 0; line < lines.count; ++line) {
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::partial_sort(order.begin(), order.begin() + chosen.length, order.end(), [&](std::int64_t a, std::int64_t b) {
        const auto x = values[lines.place(line, a)], y = values[lines.place(line, b)];
        if (is_better(x, y, largest)) return true;
        return !is_better(y, x, largest) && a < b;
      });
      for (std::int64_t k = 0; k < chosen.length; ++k) {
        const std::size_t to = chosen.place(line, k);
        const std::int64_t from = order[static_cast<std::size_t>(k)];
        if (kept) std::memcpy(kept + to * size, given.bytes().data() + lines.place(line, from) * size, size);
        if (!indices.empty()) indices[to] = from;
      }
    }
  });
}

}  // namespace troupe
