#include "device/vulkan/preparation.hpp"

#include <algorithm>
#include <set>

#include "device/vulkan/commands.hpp"

namespace troupe::vulkan {
namespace {

/// A new buffer is begun at this size: many drivers allow no single allocation of several GiB.
constexpr std::uint64_t buffer_bytes_wanted = std::uint64_t{1} << 30;

}  // namespace

bool preparation::block::reserve(const std::string& key, std::uint64_t bytes) {
  if (places.count(key)) return false;
  if (sizes.empty() || sizes.back() + bytes > buffer_bytes_wanted) sizes.push_back(0);
  places.emplace(key, place{sizes.size() - 1, sizes.back()});
  sizes.back() += bytes;
  return true;
}

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
      runs |= blocks_[which].reserve(key, padded(operand.slot));  // two nodes with the same weights need them once
    }
    if (runs) missing_.push_back(&step);
  }
}

result<void> preparation::allocate(gpu& owner, memory_map& memory) {
  for (block& part : blocks_)
    for (const std::uint64_t bytes : part.sizes) {
      TROUPE_TRY(buffer made, buffer::make(owner, bytes, buffer_use::storage, "the prepared weights"));
      part.made.push_back(std::move(made));
    }
  for (const destination& target : destinations_) {
    block& part = blocks_[target.block];
    const place where = part.places.at(target.key);
    const memory_region region{part.made[where.buffer].handle(), where.offset, padded(target.slot)};
    memory.regions[target.slot] = region;
    part.regions[target.key] = region;
  }
  return {};
}

std::vector<preparation::batch> preparation::batches(std::uint64_t source_bytes_max) const {
  const std::set<value_id> uploaded_for_this(work_.preparation_constants.begin(), work_.preparation_constants.end());
  std::vector<batch> made;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < missing_.size(); ++i) {
    std::vector<value_id> sources;
    std::uint64_t source_bytes = 0;
    for (const dispatch_operand& operand : missing_[i]->operands) {
      const std::uint32_t root = work_.slots[operand.slot].root;
      if (!uploaded_for_this.count(root)) continue;
      sources.push_back(root);
      source_bytes += work_.slots[root].bytes;
    }
    if (made.empty() || bytes + source_bytes > source_bytes_max) {
      made.push_back({i, i, {}});
      bytes = 0;
    }
    bytes += source_bytes;
    made.back().last = i + 1;
    made.back().constants.insert(made.back().constants.end(), sources.begin(), sources.end());
  }
  return made;
}

result<serial> preparation::submit(gpu& owner, const pipeline_set& pipelines, const memory_map& memory,
                                   const batch& part) const {
  const auto steps = std::span(missing_).subspan(part.first, part.last - part.first);
  // Pools may die before the device is done: retired objects wait for it.
  TROUPE_TRY(const auto bound, bind_dispatches(owner, work_, memory, pipelines, steps));
  TROUPE_TRY(const auto pool, make_command_pool(owner));
  TROUPE_TRY(const auto buffers, make_command_buffers(owner, pool.get(), 1));
  const VkCommandBuffer commands = buffers.front();
  TROUPE_CHECK(begin(owner, commands, true));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    record_dispatch(commands, *steps[i], pipelines, bound.sets[i], steps[i]->groups);
    record_barrier(commands, barrier_scope::device);
  }
  TROUPE_CHECK(end(owner, commands));
  return owner.submit(commands);
}

void preparation::keep(prepared_store& of_program, prepared_store& of_shape) {
  of_program.keep(std::move(blocks_[0].made), std::move(blocks_[0].regions));
  of_shape.keep(std::move(blocks_[1].made), std::move(blocks_[1].regions));
}

}  // namespace troupe::vulkan
