#include "device/vulkan/recording.hpp"

#include <algorithm>

#include "device/vulkan/commands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

/// Dispatches of one command buffer: enough to hide the cost of a submission, few enough to stop soon.
constexpr std::size_t dispatches_per_submission = 32;
/// Numbers of what a run writes, in byte ranges: the arena, and from `first_state_number` on the states.
constexpr std::uint32_t arena_number = 0;
constexpr std::uint32_t first_state_number = 1;

std::uint64_t padded(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

std::vector<byte_range> ranges_of(const lowered_graph& work, const memory_map& memory, const dispatch& step) {
  std::vector<byte_range> ranges;
  for (const dispatch_operand& operand : step.operands) {
    const memory_region region = bound_region(work, memory, operand);
    if (region.buffer == memory.arena)
      ranges.push_back({arena_number, region.offset, region.offset + region.bytes, operand.written});
    const auto state = std::find(memory.states.begin(), memory.states.end(), region.buffer);
    if (state != memory.states.end())
      ranges.push_back({first_state_number + static_cast<std::uint32_t>(state - memory.states.begin()), region.offset,
                        region.offset + region.bytes, operand.written});
  }
  return ranges;
}

}  // namespace

std::uint64_t staging_bytes(const lowered_graph& work, std::uint64_t alignment) {
  std::uint64_t largest = 0;
  for (const stage& part : work.stages) {
    std::uint64_t needed = 0;
    for (const auto* list : {&part.uploads, &part.downloads})
      for (const value_id id : *list) needed += padded(work.slots[work.slots[id].root].bytes, alignment);
    largest = std::max(largest, needed);
  }
  return largest;
}

/// Writes the command buffers of all stages, one after another, since hazards reach across stages.
class stage_recorder {
public:
  stage_recorder(gpu& owner, const lowered_graph& work, const memory_map& memory, const pipeline_set& pipelines,
                 recording& target)
      : owner_(owner), work_(work), memory_(memory), pipelines_(pipelines), target_(target) {}

  result<void> record(const stage& part) {
    recorded_stage& made = target_.stages_.emplace_back();
    host_bytes_ = 0;
    if (!part.on_device()) return {};
    const std::size_t chunks =
        std::max<std::size_t>(1, (part.dispatches.size() + dispatches_per_submission - 1) / dispatches_per_submission);
    TROUPE_TRY(made.commands, make_command_buffers(owner_, target_.commands_.get(), chunks));
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      commands_ = made.commands[chunk];
      TROUPE_CHECK(begin(owner_, commands_, false));
      if (chunk == 0) record_start(part, made);
      const std::size_t first = chunk * dispatches_per_submission;
      const std::size_t last = std::min(part.dispatches.size(), first + dispatches_per_submission);
      for (std::size_t i = first; i < last; ++i) record_step(part.dispatches[i]);
      if (chunk + 1 == chunks) record_downloads(part, made);
      TROUPE_CHECK(end(owner_, commands_));
    }
    return {};
  }

private:
  void record_start(const stage& part, recorded_stage& made) {
    for (const value_id id : part.uploads) made.uploads.push_back(record_upload(id));
    if (!target_.times_) return;
    if (target_.times_.written() == 0) target_.times_.record_reset(commands_);
    target_.times_.record_next(commands_);
  }

  void order(std::vector<byte_range> ranges) {
    if (tracker_.record(ranges)) {
      record_barrier(commands_, barrier_scope::device);
      ++target_.barriers_;
      target_.log_.push_back({true, {}});
    }
    target_.log_.push_back({false, std::move(ranges)});
  }

  void record_step(const dispatch& step) {
    order(ranges_of(work_, memory_, step));
    record_dispatch(commands_, step, pipelines_, target_.bound_.sets[next_set_++], step.groups);
    if (target_.times_) target_.times_.record_next(commands_);
  }

  /// Where the host finds a value: in its own part of the staging buffer, or in place.
  transfer place(value_id id) {
    const memory_slot& slot = work_.slots[work_.slots[id].root];
    const memory_region& region = region_of(work_, memory_, id);
    if (!memory_.staging) return {id, region.offset, slot.bytes};
    const transfer made{id, host_bytes_, slot.bytes};
    host_bytes_ += region.bytes;
    return made;
  }

  transfer record_upload(value_id id) {
    const transfer made = place(id);
    if (!memory_.staging) return made;
    const memory_region& region = region_of(work_, memory_, id);
    order({{arena_number, region.offset, region.offset + region.bytes, true}});
    const VkBufferCopy copy{made.host_offset, region.offset, made.bytes};
    vkCmdCopyBuffer(commands_, memory_.staging, memory_.arena, 1, &copy);
    return made;
  }

  void record_downloads(const stage& part, recorded_stage& made) {
    for (const value_id id : part.downloads) {
      const transfer fetched = place(id);
      made.downloads.push_back(fetched);
      if (!memory_.staging) continue;
      const memory_region& region = region_of(work_, memory_, id);
      order({{arena_number, region.offset, region.offset + region.bytes, false}});
      const VkBufferCopy copy{region.offset, fetched.host_offset, fetched.bytes};
      vkCmdCopyBuffer(commands_, memory_.arena, memory_.staging, 1, &copy);
    }
    if (!part.downloads.empty()) record_barrier(commands_, barrier_scope::host);
  }

  gpu& owner_;
  const lowered_graph& work_;
  const memory_map& memory_;
  const pipeline_set& pipelines_;
  recording& target_;
  hazard_tracker tracker_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  std::size_t next_set_ = 0;
  std::uint64_t host_bytes_ = 0;
};

result<recording> recording::make(gpu& owner, const lowered_graph& work, const memory_map& memory,
                                  const pipeline_set& pipelines, bool timed) {
  recording made;
  if (timed) {
    const std::size_t count = work.dispatch_count() + work.stages.size();
    TROUPE_TRY(made.times_, timestamps::make(owner, static_cast<std::uint32_t>(count)));
  }
  std::vector<const dispatch*> steps;
  for (const stage& part : work.stages)
    for (const dispatch& step : part.dispatches) steps.push_back(&step);
  TROUPE_TRY(made.bound_, bind_dispatches(owner, work, memory, pipelines, steps));
  TROUPE_TRY(made.commands_, make_command_pool(owner));
  stage_recorder recorder(owner, work, memory, pipelines, made);
  for (const stage& part : work.stages) TROUPE_CHECK(recorder.record(part));
  if (owner.choices().verify_barriers) TROUPE_CHECK(verify_barriers(made.log_));
  return made;
}

result<VkCommandBuffer> recording::record_warm_up(gpu& owner, const lowered_graph& work, const pipeline_set& pipelines,
                                                  std::span<const pipeline_key> keys) {
  TROUPE_TRY(const auto buffers, make_command_buffers(owner, commands_.get(), 1));
  TROUPE_CHECK(begin(owner, buffers.front(), true));
  std::vector<pipeline_key> cold(keys.begin(), keys.end());
  std::size_t set = 0;
  for (const stage& part : work.stages)
    for (const dispatch& step : part.dispatches) {
      const VkDescriptorSet operands = bound_.sets[set++];
      const auto found = std::find(cold.begin(), cold.end(), key_of(step));
      if (found == cold.end()) continue;
      cold.erase(found);
      record_dispatch(buffers.front(), step, pipelines, operands, {0, 1, 1});
    }
  TROUPE_CHECK(end(owner, buffers.front()));
  return buffers.front();
}

}  // namespace troupe::vulkan
