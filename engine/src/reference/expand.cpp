#include "reference/walk.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> expand_reference(reference_context& context) {
  const tensor& source = context.input(0);
  tensor& target = context.output(0);
  gather_elements(source, target, [&](const tensor_index& index) {
    return broadcast_position(source.dims(), target.dims().rank(), index);
  });
  return {};
}

}  // namespace troupe
