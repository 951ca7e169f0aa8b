#include "kernels/strided.hpp"

#include <limits>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<std::uint32_t> shader_count(const node& step, const shape& dims) {
  const std::int64_t elements = dims.elements();
  if (elements > std::numeric_limits<std::int32_t>::max())
    return fail(errc::unsupported,
                "{} works on {} elements {}; a device kernel takes at most 2^31 - 1: use a smaller batch",
                step.describe(), elements, dims.to_string());
  return static_cast<std::uint32_t>(elements);
}

result<strided_block> pack(const node& step, const strided_walk& walk) {
  TROUPE_TRY(const std::uint32_t count, shader_count(step, walk.extents));
  strided_block block{.count = count,
                      .rank = 0,
                      .first_base = static_cast<std::int32_t>(walk.first.base),
                      .second_base = static_cast<std::int32_t>(walk.second.base),
                      .extents = {},
                      .first_strides = {},
                      .second_strides = {}};
  for (std::size_t axis = 0; axis < walk.extents.rank(); ++axis) {
    const std::int64_t extent = walk.extents[axis];
    const std::int64_t first = walk.first.strides[axis];
    const std::int64_t second = walk.second.strides[axis];
    if (extent == 1) continue;
    const std::uint32_t last = block.rank - 1;
    const bool joins =
        block.rank > 0 && block.first_strides[last] == first * extent && block.second_strides[last] == second * extent;
    const std::uint32_t place = joins ? last : block.rank++;
    block.extents[place] = static_cast<std::uint32_t>(joins ? block.extents[place] * extent : extent);
    block.first_strides[place] = static_cast<std::int32_t>(first);
    block.second_strides[place] = static_cast<std::int32_t>(second);
  }
  if (block.rank == 0) {  // one element; the shader expects an axis
    block.rank = 1;
    block.extents[0] = 1;
  }
  return block;
}

axis_strides broadcast_strides(const shape& from, const shape& to) {
  const auto dense = from.strides();
  const std::size_t missing = to.rank() - from.rank();
  axis_strides strides{};
  for (std::size_t axis = 0; axis < from.rank(); ++axis) strides[missing + axis] = from[axis] == 1 ? 0 : dense[axis];
  return strides;
}

result<void> add_copy(lowering_context& context, dispatch_operand source, dispatch_operand target,
                      const strided_walk& walk) {
  if (walk.extents.elements() == 0) return {};
  TROUPE_TRY(const strided_block block, pack(context.step(), walk));
  context.add({.shader = "copy",
               .operands = {source, target},
               .push_constants = push_bytes(block),
               .specialization = {},
               .groups = groups_for(block.count, 64, context.traits())});
  return {};
}

}  // namespace troupe
