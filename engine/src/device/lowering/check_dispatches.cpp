#include "device/lowering/check_dispatches.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::size_t push_constant_bytes_max = 128;

result<void> check_bindings_of(const dispatch& work, const lowered_graph& made, const lowering_target& target) {
  for (const dispatch_operand& operand : work.operands) {
    const memory_slot& slot = made.slots[made.slots[operand.slot].root];
    const std::int64_t end = operand.part_elements == 0 ? slot.elements : operand.part_begin + operand.part_elements;
    if (operand.part_begin < 0 || operand.part_begin % part_alignment != 0 || operand.part_elements < 0 ||
        operand.part_begin >= std::max<std::int64_t>(slot.elements, 1) || end > slot.elements)
      return fail(errc::internal, "the kernel \"{}\" binds elements {} to {} of {}", work.shader, operand.part_begin,
                  end, slot.elements);
    if (operand.texels && (operand.written || target.traits.texel_elements_max == 0))
      return fail(errc::internal, "the kernel \"{}\" binds a texel buffer where there can be none", work.shader);
    const std::uint64_t bytes = binding_of(made, operand).bytes;
    const std::uint64_t most = operand.texels ? target.traits.texel_elements_max * 16 : target.traits.storage_range_max;
    if (bytes <= most) continue;
    const bool named = operand.slot < made.model.graph.values.size();
    return fail(errc::unsupported,
                "\"{}\" takes {} bytes, but this device reaches {} through one binding; use another device or split "
                "the tensor",
                named ? made.model.graph.values[operand.slot].name : "scratch memory", bytes, most);
  }
  return {};
}

}  // namespace

result<void> check_dispatch(const dispatch& work, const lowering_target& target) {
  if (!target.has_kernel(work.shader)) return fail(errc::internal, "there is no kernel \"{}\"", work.shader);
  if (work.operands.empty() || work.operands.size() > target.operands_max)
    return fail(errc::unsupported, "the kernel \"{}\" binds {} buffers; the device allows {}", work.shader,
                work.operands.size(), target.operands_max);
  const auto texels = std::count_if(work.operands.begin(), work.operands.end(), [](const auto& o) { return o.texels; });
  if (static_cast<std::uint64_t>(texels) > target.texel_operands_max)
    return fail(errc::unsupported, "the kernel \"{}\" binds {} texel buffers; the device allows {}", work.shader,
                texels, target.texel_operands_max);
  if (work.push_constants.size() > push_constant_bytes_max || work.push_constants.size() % 4 != 0)
    return fail(errc::internal, "the kernel \"{}\" has {} bytes of push constants; {} are allowed, in words of 4",
                work.shader, work.push_constants.size(), push_constant_bytes_max);
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (work.groups[axis] == 0 || work.groups[axis] > target.traits.group_count_max[axis])
      return fail(errc::unsupported, "the kernel \"{}\" needs {} workgroups along axis {}; the device allows {}",
                  work.shader, work.groups[axis], axis, target.traits.group_count_max[axis]);
  return {};
}

result<void> check_bindings(const lowered_graph& made, const lowering_target& target) {
  for (const dispatch& work : made.preparations) TROUPE_CHECK(check_bindings_of(work, made, target));
  for (const stage& part : made.stages)
    for (const dispatch& work : part.dispatches) TROUPE_CHECK(check_bindings_of(work, made, target));
  return {};
}

}  // namespace troupe
