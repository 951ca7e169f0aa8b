// OneHot: each index becomes a line that holds one value at its place and another elsewhere.
#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> one_hot_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(3, 3));
  const shape& indices = context.input_dims(0);
  if (context.input_type(0) == dtype::boolean || context.input_type(1) == dtype::boolean)
    return fail(errc::invalid_argument, "{} takes numbers as indices and depth, not bool", step.describe());
  if (context.input_dims(2) != shape{2})
    return fail(errc::invalid_argument, "the values of {} are a tensor {}; [off, on] is needed", step.describe(),
                context.input_dims(2).to_string());
  TROUPE_TRY(const double depth, node_view(context).number_or(1, 0));
  if (!(depth >= 1 && depth <= static_cast<double>(limits::elements_max)))
    return fail(errc::invalid_argument, "{} has the depth {}; 1 is the least", step.describe(), depth);
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", -1), indices.rank() + 1));
  std::vector<std::int64_t> extents(indices.begin(), indices.end());
  extents.insert(extents.begin() + static_cast<std::ptrdiff_t>(axis), static_cast<std::int64_t>(depth));
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(2), dims);
  return {};
}

}  // namespace

operator_definition one_hot_operator() {
  return {.name = "OneHot", .since_version = 9, .host_inputs = {1}, .infer = infer, .reference = one_hot_reference};
}

}  // namespace troupe
