#include "kernels/slice.hpp"

#include "reference/walk.hpp"

namespace troupe {

result<void> slice_reference(reference_context& context) {
  const tensor& source = context.input(0);
  TROUPE_TRY(const slice_plan plan, read_slice(node_view(context)));
  gather_elements(source, context.output(0), [&](const tensor_index& index) {
    tensor_index from{};
    for (std::size_t axis = 0; axis < plan.starts.size(); ++axis)
      from[axis] = plan.starts[axis] + index[axis] * plan.steps[axis];
    return position(source.dims(), from);
  });
  return {};
}

}  // namespace troupe
