// Walks over two operands at once, each with its own stride along every axis: what broadcasting, transposing, slicing
// and joining have in common. strided.glsl is the other half.
#pragma once

#include <array>

#include "troupe/engine/operator.hpp"

namespace troupe {

using axis_strides = std::array<std::int64_t, limits::rank_max>;

/// Places to visit, row-major over `extents`: place (i, j, ...) is element base + i * strides[0] + j * strides[1] + ...
/// of each operand.
struct strided_walk {
  struct side {
    std::int64_t base = 0;
    axis_strides strides{};
  };
  shape extents;
  side first, second;
};

/// Push constants of strided.glsl.
struct strided_block {
  std::uint32_t count, rank;
  std::int32_t first_base, second_base;
  std::array<std::uint32_t, limits::rank_max> extents;
  std::array<std::int32_t, limits::rank_max> first_strides, second_strides;
};

/// The number of elements of `dims` for a shader. Shaders count in 31 bits, so that signed offsets reach them all.
result<std::uint32_t> shader_count(const node& step, const shape& dims);

/// What one place of a packed walk holds of an operand. Numbered as in strided.glsl.
enum class lane_form : std::uint32_t {
  single = 0,    ///< one element; then both operands are `single`
  eight = 1,     ///< eight neighbours, read as one word: base and strides count blocks of eight
  repeated = 2,  ///< one element for all eight places
};

struct packed_walk {
  strided_block block;
  lane_form first = lane_form::single, second = lane_form::single;
};

/// `walk` for the shaders, with as few axes as possible: those of extent 1 are dropped and neighbours that are
/// contiguous on both sides are joined, because each axis costs an invocation one division. Where both sides allow it,
/// a place is eight elements of the innermost axis: drivers for the CPU spend as much on one element as on a word of
/// eight. Every offset must be one of a tensor that passed `shader_count`.
result<packed_walk> pack(const node& step, const strided_walk& walk);

/// Strides that read a dense operand `from` as if broadcast to `to`: 0 along the axes that repeat it.
axis_strides broadcast_strides(const shape& from, const shape& to);

/// The dispatch that copies elements, bit for bit, from the first side of `walk` (in `source`) to the second (in
/// `target`). The walk is not empty.
result<dispatch> copy_of(const lowering_context& context, dispatch_operand source, dispatch_operand target,
                         const strided_walk& walk);

/// Adds that dispatch; nothing for an empty walk.
result<void> add_copy(lowering_context& context, dispatch_operand source, dispatch_operand target,
                      const strided_walk& walk);

}  // namespace troupe
