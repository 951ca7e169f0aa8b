#include "kernels/node_view.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

node_view::node_view(const infer_context& context) : step_(&context.step()), operands_(context.input_count()) {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    if (context.has_input(i)) operands_[i] = {&context.input_dims(i), context.input_value(i)};
}

node_view::node_view(const reference_context& context) : step_(&context.step()), operands_(context.input_count()) {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    if (context.has_input(i)) operands_[i] = {&context.input(i).dims(), &context.input(i)};
}

node_view::node_view(const lowering_context& context) : step_(&context.step()), operands_(context.input_count()) {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    if (context.has_input(i)) operands_[i] = {&context.input_dims(i), context.input_value(i)};
}

result<std::optional<std::vector<std::int64_t>>> node_view::ints(std::string_view name, std::size_t operand) const {
  if (has(operand)) {
    const tensor* data = value(operand);
    if (!data)
      return fail(errc::unsupported, "{} of {} depend on values computed during the run", name, step_->describe());
    if (is_float(data->type()) || data->type() == dtype::boolean || data->dims().rank() > 1)
      return fail(errc::invalid_argument, "{} of {} is a tensor {}; a list of integers is needed", name,
                  step_->describe(), data->describe());
    TROUPE_TRY(const tensor wide, convert(*data, dtype::i64));
    const auto values = wide.as<std::int64_t>();
    return std::optional(std::vector<std::int64_t>(values.begin(), values.end()));
  }
  if (!step_->has(name)) return std::optional<std::vector<std::int64_t>>();
  const auto* values = step_->ints(name);
  if (!values)
    return fail(errc::invalid_argument, "the attribute {} of {} is not a list of integers", name, step_->describe());
  return std::optional(*values);
}

result<double> node_view::number_or(std::size_t operand, double fallback) const {
  if (!has(operand)) return fallback;
  const tensor* data = value(operand);
  if (!data)
    return fail(errc::unsupported, "operand {} of {} depends on values computed during the run", operand,
                step_->describe());
  if (data->elements() != 1)
    return fail(errc::invalid_argument, "operand {} of {} is a tensor {}; one number is needed", operand,
                step_->describe(), data->describe());
  TROUPE_TRY(const tensor wide, convert(*data, dtype::f64));
  return wide.as<double>()[0];
}

}  // namespace troupe
