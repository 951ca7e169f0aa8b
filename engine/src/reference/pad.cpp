#include "kernels/pad.hpp"

#include <algorithm>
#include <array>

#include "reference/walk.hpp"

namespace troupe {
namespace {

/// The place in [0, extent) that stands for `place`, by the rule of a mode other than constant.
std::int64_t fold(pad_mode mode, std::int64_t place, std::int64_t extent) {
  if (mode == pad_mode::edge || extent == 1) return std::clamp<std::int64_t>(place, 0, extent - 1);
  // Reflection does not repeat the first and last element, so it comes back after 2 * (extent - 1).
  const std::int64_t period = mode == pad_mode::wrap ? extent : 2 * (extent - 1);
  const std::int64_t within = (place % period + period) % period;
  return within < extent ? within : period - within;
}

/// The constant's bytes, in the operand's type.
result<tensor> fill_value(const reference_context& context) {
  if (context.has_input(2)) return context.input(2);
  const float value = context.step().float_or("value", 0);
  TROUPE_TRY(const tensor given, tensor::from(shape{}, std::span<const float>(&value, 1)));
  return convert(given, context.input(0).type());
}

}  // namespace

result<void> pad_reference(reference_context& context) {
  const tensor& source = context.input(0);
  const shape& given = source.dims();
  TROUPE_TRY(const pad_plan plan, read_pad(node_view(context)));
  TROUPE_TRY(const tensor filling, fill_value(context));
  const std::size_t size = size_of(source.type());
  std::byte* to = context.output(0).mutable_bytes().data();
  for_each_index(plan.dims, [&](const tensor_index& index) {
    tensor_index from{};
    bool inside = true;
    for (std::size_t axis = 0; axis < given.rank(); ++axis) {
      from[axis] = index[axis] - plan.before[axis];
      if (plan.mode != pad_mode::constant) from[axis] = fold(plan.mode, from[axis], given[axis]);
      inside = inside && from[axis] >= 0 && from[axis] < given[axis];
    }
    const std::byte* element = inside ? source.bytes().data() + position(given, from) * size : filling.bytes().data();
    std::memcpy(to, element, size);
    to += size;
  });
  return {};
}

}  // namespace troupe
