// ConstantOfShape, EyeLike and Range: data made of parameters alone. What they make is known before the run as soon as
// shapes are, so they are folded and need no kernels.
#include "kernels/generate.hpp"

#include <cmath>

#include "kernels/definitions.hpp"
#include "kernels/element_type.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> constant_of_shape_reference(reference_context&);
result<void> eye_like_reference(reference_context&);
result<void> range_reference(reference_context&);

result<std::int64_t> range_length(const node& step, const tensor& start, const tensor& limit, const tensor& delta) {
  const auto refuse = [&]() -> error {
    return fail(errc::invalid_argument, "{} has a step of 0, or more than {} elements", step.describe(),
                limits::elements_max);
  };
  if (is_float(start.type())) {
    double numbers[3];
    for (int i = 0; i < 3; ++i) {
      TROUPE_TRY(const tensor wide, convert(i == 0 ? start : (i == 1 ? limit : delta), dtype::f64));
      numbers[i] = wide.as<double>()[0];
    }
    const double length = std::ceil((numbers[1] - numbers[0]) / numbers[2]);
    if (!(length <= static_cast<double>(limits::elements_max))) return refuse();
    return length > 0 ? static_cast<std::int64_t>(length) : 0;
  }
  std::int64_t numbers[3];
  for (int i = 0; i < 3; ++i) {
    TROUPE_TRY(const tensor wide, convert(i == 0 ? start : (i == 1 ? limit : delta), dtype::i64));
    numbers[i] = wide.as<std::int64_t>()[0];
  }
  const auto [first, last, step_size] = numbers;
  if (step_size == 0) return refuse();
  if (step_size > 0 ? first >= last : first <= last) return 0;
  // Unsigned differences do not overflow.
  const auto bits = [](std::int64_t x) { return static_cast<std::uint64_t>(x); };
  const std::uint64_t distance = step_size > 0 ? bits(last) - bits(first) : bits(first) - bits(last);
  const std::uint64_t size = step_size > 0 ? bits(step_size) : 0 - bits(step_size);
  const std::uint64_t length = distance / size + (distance % size != 0);
  if (length > static_cast<std::uint64_t>(limits::elements_max)) return refuse();
  return static_cast<std::int64_t>(length);
}

namespace {

result<void> infer_constant_of_shape(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 1));
  if (context.input_dims(0).rank() != 1)
    return fail(errc::invalid_argument, "the shape that {} is given is a tensor {}; a list is needed", step.describe(),
                context.input_dims(0).to_string());
  TROUPE_TRY(const auto extents, context.input_ints(0, "the shape"));
  TROUPE_TRY(const shape dims, shape::make(extents));
  const tensor* value = step.tensor_attribute("value");
  if (value && value->elements() != 1)
    return fail(errc::invalid_argument, "the value of {} is a tensor {}; one element is needed", step.describe(),
                value->describe());
  context.set_output(0, value ? value->type() : dtype::f32, dims);
  return {};
}

result<void> infer_eye_like(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 1));
  if (context.input_dims(0).rank() != 2)
    return fail(errc::invalid_argument, "the operand of {} is a tensor {}; a matrix is needed", step.describe(),
                context.input_dims(0).to_string());
  dtype type = context.input_type(0);
  if (step.has("dtype")) {
    TROUPE_TRY(type, element_type_of(step, step.int_or("dtype", 0)));
  }
  context.set_output(0, type, context.input_dims(0));
  return {};
}

result<void> infer_range(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(3, 3));
  for (std::size_t i = 0; i < 3; ++i) {
    if (context.input_type(i) != context.input_type(0) || context.input_type(i) == dtype::boolean ||
        context.input_dims(i).elements() != 1)
      return fail(errc::invalid_argument, "operand {} of {} is a tensor {}{}; one number of the type of all is needed",
                  i, step.describe(), to_string(context.input_type(i)), context.input_dims(i).to_string());
    if (!context.input_value(i))
      return fail(errc::unsupported, "operand {} of {} depends on values computed during the run", i, step.describe());
  }
  TROUPE_TRY(const std::int64_t length,
             range_length(step, *context.input_value(0), *context.input_value(1), *context.input_value(2)));
  context.set_output(0, context.input_type(0), {length});
  return {};
}

}  // namespace

operator_definition constant_of_shape_operator() {
  return {.name = "ConstantOfShape",
          .since_version = 9,
          .host_inputs = {0},
          .infer = infer_constant_of_shape,
          .reference = constant_of_shape_reference};
}

operator_definition eye_like_operator() {
  return {.name = "EyeLike",
          .since_version = 9,
          .shape_only = true,
          .infer = infer_eye_like,
          .reference = eye_like_reference};
}

operator_definition range_operator() {
  return {.name = "Range",
          .since_version = 11,
          .host_inputs = {0, 1, 2},
          .infer = infer_range,
          .reference = range_reference};
}

}  // namespace troupe
