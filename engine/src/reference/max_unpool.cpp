#include "kernels/max_unpool.hpp"

#include "reference/walk.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {

result<void> max_unpool_reference(reference_context& context) {
  const tensor& pooled = context.input(0);
  TROUPE_TRY(const shape counted, unpooled_shape(context.step(), pooled.dims()));
  TROUPE_TRY(const auto indices, context.input_ints(1));
  const auto steps = counted.strides();
  const std::size_t size = size_of(pooled.type());
  tensor& target = context.output(0);
  const auto bytes = target.mutable_bytes();
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= counted.elements())
      return fail(errc::invalid_argument, "index {} of {} is outside a tensor {}", indices[i],
                  context.step().describe(), counted.to_string());
    tensor_index place{};
    for (std::size_t axis = 0; axis < counted.rank(); ++axis) place[axis] = indices[i] / steps[axis] % counted[axis];
    std::memcpy(bytes.data() + position(target.dims(), place) * size, pooled.bytes().data() + i * size, size);
  }
  return {};
}

}  // namespace troupe
