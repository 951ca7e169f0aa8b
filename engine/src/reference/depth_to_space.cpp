#include "kernels/depth_to_space.hpp"

#include "reference/walk.hpp"

namespace troupe {

result<void> block_shuffle_reference(reference_context& context) {
  TROUPE_TRY(const auto plan, block_shuffle_of(context.step(), context.input(0).dims()));
  const std::size_t size = size_of(context.input(0).type());
  const std::byte* from = context.input(0).bytes().data();
  std::byte* to = context.output(0).mutable_bytes().data();
  for_each_index(plan.walk.extents, [&](const tensor_index& index) {
    std::int64_t place = 0;
    for (std::size_t axis = 0; axis < plan.walk.extents.rank(); ++axis)
      place += index[axis] * plan.walk.first.strides[axis];
    std::memcpy(to, from + static_cast<std::size_t>(place) * size, size);
    to += size;
  });
  return {};
}

}  // namespace troupe
