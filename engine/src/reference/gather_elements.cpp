#include "kernels/gather_elements.hpp"

#include "kernels/index_operands.hpp"
#include "reference/walk.hpp"

namespace troupe {

result<void> gather_elements_reference(reference_context& context) {
  const tensor& data = context.input(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.dims().rank()));
  TROUPE_TRY(auto indices, context.input_ints(1));
  for (std::int64_t& index : indices) {
    TROUPE_TRY(index, normalize_index(context.step(), index, data.dims()[axis]));
  }
  std::size_t i = 0;
  gather_elements(data, context.output(0), [&](const tensor_index& index) {
    tensor_index from = index;
    from[axis] = indices[i++];
    return position(data.dims(), from);
  });
  return {};
}

result<void> gather_nd_reference(reference_context& context) {
  const tensor& data = context.input(0);
  TROUPE_TRY(const gather_nd_plan plan, read_gather_nd(context.step(), data.dims(), context.input(1).dims()));
  TROUPE_TRY(const auto indices, context.input_ints(1));
  const auto steps = data.dims().strides();
  const std::size_t bytes = static_cast<std::size_t>(plan.inner) * size_of(data.type());
  std::byte* to = context.output(0).mutable_bytes().data();
  for (std::int64_t row = 0; row < plan.batches * plan.rows; ++row) {
    std::int64_t place = row / plan.rows * plan.batch_stride;
    for (std::size_t i = 0; i < plan.depth; ++i) {
      const std::size_t axis = plan.batch_axes + i;
      TROUPE_TRY(
          const std::int64_t index,
          normalize_index(context.step(), indices[static_cast<std::size_t>(row) * plan.depth + i], data.dims()[axis]));
      place += index * steps[axis];
    }
    if (bytes > 0) std::memcpy(to, data.bytes().data() + static_cast<std::size_t>(place) * size_of(data.type()), bytes);
    to += bytes;
  }
  return {};
}

}  // namespace troupe
