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

namespace {

strided_block join_axes(std::uint32_t count, const strided_walk& walk) {
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

using side_strides = std::array<std::int32_t, limits::rank_max>;

/// What eight places of the innermost axis (number `last`) are on one side.
lane_form form_of(std::int32_t base, const side_strides& strides, std::uint32_t last) {
  if (strides[last] == 0) return lane_form::repeated;
  bool aligned = strides[last] == 1 && base % 8 == 0;
  for (std::uint32_t axis = 0; axis < last; ++axis) aligned = aligned && strides[axis] % 8 == 0;
  return aligned ? lane_form::eight : lane_form::single;
}

void count_blocks(lane_form form, std::int32_t& base, side_strides& strides, std::uint32_t last) {
  if (form != lane_form::eight) return;
  base /= 8;
  for (std::uint32_t axis = 0; axis < last; ++axis) strides[axis] /= 8;
}

}  // namespace

result<packed_walk> pack(const node& step, const strided_walk& walk) {
  TROUPE_TRY(const std::uint32_t count, shader_count(step, walk.extents));
  packed_walk packed{.block = join_axes(count, walk)};
  strided_block& block = packed.block;
  const std::uint32_t last = block.rank - 1;
  const lane_form first = form_of(block.first_base, block.first_strides, last);
  const lane_form second = form_of(block.second_base, block.second_strides, last);
  if (first == lane_form::single || second == lane_form::single || block.extents[last] % 8 != 0) return packed;
  count_blocks(first, block.first_base, block.first_strides, last);
  count_blocks(second, block.second_base, block.second_strides, last);
  block.extents[last] /= 8;
  block.count /= 8;
  packed.first = first;
  packed.second = second;
  return packed;
}

axis_strides broadcast_strides(const shape& from, const shape& to) {
  const auto dense = from.strides();
  const std::size_t missing = to.rank() - from.rank();
  axis_strides strides{};
  for (std::size_t axis = 0; axis < from.rank(); ++axis) strides[missing + axis] = from[axis] == 1 ? 0 : dense[axis];
  return strides;
}

result<dispatch> copy_of(const lowering_context& context, dispatch_operand source, dispatch_operand target,
                         const strided_walk& walk) {
  TROUPE_TRY(const packed_walk packed, pack(context.step(), walk));
  return dispatch{.shader = "copy",
                  .operands = {source, target},
                  .push_constants = push_bytes(packed.block),
                  .specialization = {static_cast<std::uint32_t>(packed.first)},
                  .groups = groups_for(packed.block.count, 64, context.traits())};
}

result<void> add_copy(lowering_context& context, dispatch_operand source, dispatch_operand target,
                      const strided_walk& walk) {
  if (walk.extents.elements() == 0) return {};
  TROUPE_TRY(dispatch copy, copy_of(context, source, target, walk));
  context.add(std::move(copy));
  return {};
}

}  // namespace troupe
