#include "kernels/shape.hpp"

namespace troupe {

result<void> shape_reference(reference_context& context) {
  const shape& given = context.input(0).dims();
  const axis_range range = read_shape_range(context.step(), given.rank());
  const auto target = context.output(0).as_mutable<std::int64_t>();
  for (std::size_t axis = range.begin; axis < range.end; ++axis) target[axis - range.begin] = given[axis];
  return {};
}

result<void> size_reference(reference_context& context) {
  context.output(0).as_mutable<std::int64_t>()[0] = context.input(0).dims().elements();
  return {};
}

}  // namespace troupe
