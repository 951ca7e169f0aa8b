// The commands of a lowered graph, recorded once and submitted at each run.
#pragma once

#include "device/lowering/hazards.hpp"
#include "device/lowering/lowered_graph.hpp"
#include "device/vulkan/bound_dispatches.hpp"
#include "device/vulkan/timestamps.hpp"

namespace troupe::vulkan {

/// A value that moves between host and device at the edge of a stage.
struct transfer {
  value_id value;
  std::uint64_t host_offset;  ///< where the host writes or reads it: in the staging buffer, or in the arena itself
  std::uint64_t bytes;        ///< without padding
};

/// The device's part of one stage. Command buffers hold a limited number of dispatches each, so that a cancelled run
/// leaves little behind on the device.
struct recorded_stage {
  std::vector<VkCommandBuffer> commands;
  std::vector<transfer> uploads;
  std::vector<transfer> downloads;
};

/// Bytes of staging that the largest stage of `work` needs.
std::uint64_t staging_bytes(const lowered_graph& work, std::uint64_t alignment);

/// Owns command and descriptor pools. What it was made from (pipelines, memory) must live as long as it is submitted.
class recording {
public:
  /// Every pipeline that `work` needs must be in `pipelines`. When `timed`, the device waits after each dispatch and
  /// notes the time.
  static result<recording> make(gpu& owner, const lowered_graph& work, const memory_map& memory,
                                const pipeline_set& pipelines, bool timed = false);

  const std::vector<recorded_stage>& stages() const noexcept { return stages_; }
  std::size_t barriers() const noexcept { return barriers_; }
  /// Every dispatch and copy with the bytes it touches, in order: what `verify_barriers` takes.
  const std::vector<recorded_command>& log() const noexcept { return log_; }
  /// For each stage with commands, one before its first dispatch and one after each; none unless timed.
  const timestamps& times() const noexcept { return times_; }

  /// Records one empty dispatch for each of `keys`, which makes drivers that compile late compile now.
  result<VkCommandBuffer> record_warm_up(gpu& owner, const lowered_graph& work, const pipeline_set& pipelines,
                                         std::span<const pipeline_key> keys);

private:
  friend class stage_recorder;

  unique_command_pool commands_;
  bound_dispatches bound_;  ///< every dispatch, in order
  std::vector<recorded_stage> stages_;
  std::vector<recorded_command> log_;
  std::size_t barriers_ = 0;
  timestamps times_;
};

}  // namespace troupe::vulkan
