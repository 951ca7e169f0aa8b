#include "device/vulkan/preparation.hpp"

#include <algorithm>
#include <set>

#include "device/vulkan/commands.hpp"

namespace troupe::vulkan {

std::uint64_t preparation::padded(std::uint32_t slot) const noexcept {
  return (work_.slots[slot].bytes + alignment_ - 1) / alignment_ * alignment_;
}

void preparation::plan(const std::function<bool(value_id)>& is_of_program, const prepared_store& of_program,
                       const prepared_store& of_shape, memory_map& memory) {
  const auto keys = preparation_keys(work_);
  std::set<std::uint32_t> of_shape_slots;
  for (const dispatch& step : work_.preparations) {
    const bool shared = std::all_of(step.operands.begin(), step.operands.end(), [&](const dispatch_operand& operand) {
      if (operand.written) return true;
      const std::uint32_t root = work_.slots[operand.slot].root;
      return keys.count(root) ? of_shape_slots.count(root) == 0 : is_of_program(root);
    });
    bool runs = false;
    for (const dispatch_operand& operand : step.operands) {
      if (!operand.written) continue;
      if (!shared) of_shape_slots.insert(operand.slot);
      const std::string& key = keys.at(operand.slot);
      if (const memory_region* known = (shared ? of_program : of_shape).find(key)) {
        memory.regions[operand.slot] = *known;
        continue;
      }
      const std::size_t which = shared ? 0 : 1;
      destinations_.push_back({operand.slot, which, key});
      const bool first = blocks_[which].offsets.try_emplace(key, blocks_[which].bytes).second;
      if (first) blocks_[which].bytes += padded(operand.slot);
      runs |= first;  // two nodes with the same weights need them once
    }
    if (runs) missing_.push_back(&step);
  }
}

result<serial> preparation::run(gpu& owner, const pipeline_set& pipelines, prepared_store& of_program,
                                prepared_store& of_shape, memory_map& memory) {
  std::array<buffer, 2> made;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (blocks_[i].bytes == 0) continue;
    TROUPE_TRY(made[i], buffer::make(owner, blocks_[i].bytes, buffer_use::storage, "the prepared weights"));
  }
  std::array<std::map<std::string, memory_region>, 2> regions;
  for (const destination& target : destinations_) {
    const memory_region region{made[target.block].handle(), blocks_[target.block].offsets.at(target.key),
                               padded(target.slot)};
    memory.regions[target.slot] = region;
    regions[target.block][target.key] = region;
  }
  TROUPE_TRY(const serial done, submit(owner, pipelines, memory));
  if (blocks_[0].bytes > 0) of_program.keep(std::move(made[0]), std::move(regions[0]));
  if (blocks_[1].bytes > 0) of_shape.keep(std::move(made[1]), std::move(regions[1]));
  return done;
}

result<serial> preparation::submit(gpu& owner, const pipeline_set& pipelines, const memory_map& memory) const {
  // Pools may die before the device is done: retired objects wait for it.
  TROUPE_TRY(const auto bound, bind_dispatches(owner, work_, memory, pipelines, missing_));
  TROUPE_TRY(const auto pool, make_command_pool(owner));
  TROUPE_TRY(const auto buffers, make_command_buffers(owner, pool.get(), 1));
  const VkCommandBuffer commands = buffers.front();
  TROUPE_CHECK(begin(owner, commands, true));
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    record_dispatch(commands, *missing_[i], pipelines, bound.sets[i], missing_[i]->groups);
    record_barrier(commands, barrier_scope::device);
  }
  TROUPE_CHECK(end(owner, commands));
  return owner.submit(commands);
}

}  // namespace troupe::vulkan
