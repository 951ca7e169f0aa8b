// ScatterElements (once named Scatter) and ScatterND: a copy of an operand with updates at places chosen by indices.
// They run on the host: places may come more than once, and the order in which their updates are joined decides the
// bits.
#include "kernels/scatter.hpp"

#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> scatter_elements_reference(reference_context&);
result<void> scatter_nd_reference(reference_context&);

result<scatter_reduction> read_scatter_reduction(const node& step) {
  const std::string name = step.string_or("reduction", "none");
  if (name == "none") return scatter_reduction::none;
  if (name == "add") return scatter_reduction::add;
  if (name == "mul") return scatter_reduction::mul;
  if (name == "min") return scatter_reduction::min;
  if (name == "max") return scatter_reduction::max;
  return fail(errc::unsupported, "{} joins by \"{}\"; none, add, mul, min and max exist", step.describe(), name);
}

namespace {

/// What both have in common: three operands, data and updates of one type.
result<void> check_operands(const infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(3, 3));
  TROUPE_CHECK(expect_indices(context, 1));
  TROUPE_TRY(const scatter_reduction reduction, read_scatter_reduction(step));
  const dtype type = context.input_type(0);
  if (context.input_type(2) != type || (type == dtype::boolean && reduction != scatter_reduction::none))
    return fail(errc::invalid_argument, "{} cannot join {} with updates of type {}", step.describe(), to_string(type),
                to_string(context.input_type(2)));
  return {};
}

error misfit(const infer_context& context) {
  return fail(errc::invalid_argument, "the indices {} and updates {} of {} do not fit its operand {}",
              context.input_dims(1).to_string(), context.input_dims(2).to_string(), context.step().describe(),
              context.input_dims(0).to_string());
}

result<void> infer_scatter_elements(infer_context& context) {
  TROUPE_CHECK(check_operands(context));
  const shape& data = context.input_dims(0);
  const shape& indices = context.input_dims(1);
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.rank()));
  bool fits = indices.rank() == data.rank() && indices == context.input_dims(2);
  for (std::size_t i = 0; fits && i < data.rank(); ++i) fits = i == axis || indices[i] <= data[i];
  if (!fits) return misfit(context);
  TROUPE_CHECK(check_known_indices(context, 1, data[axis]));
  context.set_output(0, context.input_type(0), data);
  return {};
}

/// Updates have the indices' shape without its last axis, then the shape of the block that an index chooses.
result<void> infer_scatter_nd(infer_context& context) {
  TROUPE_CHECK(check_operands(context));
  const shape& data = context.input_dims(0);
  const shape& indices = context.input_dims(1);
  const shape& updates = context.input_dims(2);
  if (indices.rank() == 0 || data.rank() == 0) return misfit(context);
  const std::int64_t depth = indices[indices.rank() - 1];
  if (depth < 0 || depth > static_cast<std::int64_t>(data.rank())) return misfit(context);
  std::vector<std::int64_t> wanted(indices.begin(), indices.end() - 1);
  wanted.insert(wanted.end(), data.begin() + depth, data.end());
  if (!std::equal(wanted.begin(), wanted.end(), updates.begin(), updates.end())) return misfit(context);
  context.set_output(0, context.input_type(0), data);
  return {};
}

}  // namespace

operator_definition scatter_operator() {
  return {.name = "Scatter",
          .since_version = 9,
          .until_version = 10,
          .infer = infer_scatter_elements,
          .reference = scatter_elements_reference};
}
operator_definition scatter_elements_operator() {
  return {.name = "ScatterElements",
          .since_version = 11,
          .infer = infer_scatter_elements,
          .reference = scatter_elements_reference};
}
operator_definition scatter_nd_operator() {
  return {.name = "ScatterND", .since_version = 11, .infer = infer_scatter_nd, .reference = scatter_nd_reference};
}

}  // namespace troupe
