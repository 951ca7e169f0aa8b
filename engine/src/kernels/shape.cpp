// Shape, the extents of an operand as a list of integers, and Size, their product: known as soon as the shape is.
#include "kernels/shape.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"

namespace troupe {

result<void> shape_reference(reference_context&);
result<void> size_reference(reference_context&);

axis_range read_shape_range(const node& step, std::size_t rank) {
  const auto last = static_cast<std::int64_t>(rank);
  const auto clamped = [&](std::int64_t axis) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(axis < 0 ? axis + last : axis, 0, last));
  };
  const std::size_t begin = clamped(step.int_or("start", 0));
  return {begin, std::max(begin, clamped(step.int_or("end", last)))};
}

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const axis_range range = read_shape_range(context.step(), context.input_dims(0).rank());
  context.set_output(0, dtype::i64, {static_cast<std::int64_t>(range.end - range.begin)});
  return {};
}

result<void> infer_size(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  context.set_output(0, dtype::i64, {});
  return {};
}

}  // namespace

operator_definition shape_operator() {
  return {.name = "Shape", .shape_only = true, .infer = infer, .reference = shape_reference};
}

operator_definition size_operator() {
  return {.name = "Size", .shape_only = true, .infer = infer_size, .reference = size_reference};
}

}  // namespace troupe
