#include "kernels/transpose.hpp"
#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> transpose_reference(reference_context& context) {
  const tensor& source = context.input(0);
  TROUPE_TRY(const auto order, read_permutation(context.step(), source.dims().rank()));
  gather_elements(source, context.output(0), [&](const tensor_index& index) {
    tensor_index from{};
    for (std::size_t axis = 0; axis < order.size(); ++axis) from[order[axis]] = index[axis];
    return position(source.dims(), from);
  });
  return {};
}

}  // namespace troupe
