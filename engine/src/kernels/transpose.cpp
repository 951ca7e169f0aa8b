// Transpose: one strided copy.
#include "kernels/transpose.hpp"

#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> transpose_reference(reference_context&);

result<std::vector<std::size_t>> read_permutation(const node& step, std::size_t rank) {
  std::vector<std::size_t> order(rank);
  for (std::size_t axis = 0; axis < rank; ++axis) order[axis] = rank - 1 - axis;
  const auto* given = step.ints("perm");
  if (!given) return order;
  std::vector<bool> seen(rank, false);
  bool valid = given->size() == rank;
  for (std::size_t i = 0; valid && i < rank; ++i) {
    const std::int64_t axis = (*given)[i];
    valid = axis >= 0 && axis < static_cast<std::int64_t>(rank) && !seen[static_cast<std::size_t>(axis)];
    if (!valid) break;
    order[i] = static_cast<std::size_t>(axis);
    seen[order[i]] = true;
  }
  if (!valid)
    return fail(errc::invalid_argument, "perm [{}] of {} is not a permutation of the {} axes of its operand",
                fmt::join(*given, ","), step.describe(), rank);
  return order;
}

namespace {

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const auto order, read_permutation(context.step(), given.rank()));
  std::vector<std::int64_t> extents;
  for (const std::size_t axis : order) extents.push_back(given[axis]);
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  const shape& given = context.input_dims(0);
  TROUPE_TRY(const auto order, read_permutation(context.step(), given.rank()));
  const auto strides = given.strides();
  strided_walk walk{.extents = context.output_dims(0), .first = {}, .second = {}};
  for (std::size_t axis = 0; axis < order.size(); ++axis) walk.first.strides[axis] = strides[order[axis]];
  walk.second.strides = walk.extents.strides();
  return add_copy(context, context.read(0), context.write(0), walk);
}

}  // namespace

operator_definition transpose_operator() {
  return {.name = "Transpose", .infer = infer, .reference = transpose_reference, .lower = lower};
}

}  // namespace troupe
