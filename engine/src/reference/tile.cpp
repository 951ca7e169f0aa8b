#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> tile_reference(reference_context& context) {
  const tensor& source = context.input(0);
  gather_elements(source, context.output(0), [&](const tensor_index& index) {
    tensor_index from{};
    for (std::size_t axis = 0; axis < source.dims().rank(); ++axis) from[axis] = index[axis] % source.dims()[axis];
    return position(source.dims(), from);
  });
  return {};
}

}  // namespace troupe
