#include "kernels/channel_blocks.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"

namespace troupe {
namespace {

struct conversion_parameters {
  std::uint32_t images, channels, positions;
};

/// With axes of extent 1 in front, up to the rank of `target`.
std::vector<std::int64_t> aligned(const shape& operand, const shape& target) {
  std::vector<std::int64_t> extents(target.rank() - operand.rank(), 1);
  extents.insert(extents.end(), operand.begin(), operand.end());
  return extents;
}

/// What is 8 * ceil(n / 8) elements long passed the limits before: blocks of a tensor that exists.
shape made_of(std::vector<std::int64_t> extents) {
  const auto made = shape::make(extents);
  return made ? *made : shape{};
}

}  // namespace

shape blocks_view(const shape& dims) {
  std::vector<std::int64_t> extents(dims.begin(), dims.end());
  extents[1] = (extents[1] + 7) / 8;
  extents.push_back(8);
  return made_of(std::move(extents));
}

bool reads_beside_blocks(const shape& operand, const shape& target) {
  const auto extents = aligned(operand, target);
  return extents[1] == 1 || std::all_of(extents.begin() + 2, extents.end(), [](std::int64_t n) { return n == 1; });
}

shape blocks_view_for(const shape& operand, memory_layout layout, const shape& target) {
  if (layout == memory_layout::blocks) return blocks_view(operand);
  auto extents = aligned(operand, target);
  const bool each_channel = extents[1] != 1;
  if (each_channel) extents[1] /= 8;
  extents.push_back(each_channel ? 8 : 1);
  return made_of(std::move(extents));
}

dispatch layout_conversion(const shape& dims, memory_layout target_layout, dispatch_operand source,
                           dispatch_operand target, const device_traits& traits) {
  const std::int64_t words = stored_elements(memory_layout::blocks, dims) / 8;
  return {.shader = target_layout == memory_layout::blocks ? "to_blocks" : "from_blocks",
          .operands = {source, target},
          .push_constants = push_bytes(
              conversion_parameters{as_u32(dims[0]), as_u32(dims[1]), as_u32(dims.elements(2, dims.rank()))}),
          .groups = groups_for(words, 64, traits)};
}

}  // namespace troupe
