#include "device/vulkan/timestamps.hpp"

#include "device/vulkan/commands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {

result<timestamps> timestamps::make(gpu& owner, std::uint32_t count) {
  if (owner.properties().timestamp_bits == 0)
    return fail(errc::unsupported, "the device \"{}\" has no clock to profile with", owner.properties().info.name);
  auto info = vk_struct<VkQueryPoolCreateInfo>(VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO);
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = std::max(count, 1u);
  VkQueryPool pool = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner.vk(), vkCreateQueryPool, owner.handle(), &info, nullptr, &pool));
  timestamps made;
  made.pool_ = unique_query_pool(owner, pool);
  made.count_ = count;
  return made;
}

void timestamps::record_reset(VkCommandBuffer commands) const {
  vkCmdResetQueryPool(commands, pool_.get(), 0, count_);
}

void timestamps::record_next(VkCommandBuffer commands) {
  record_barrier(commands, barrier_scope::device);
  vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_.get(), next_++);
}

result<std::vector<double>> timestamps::read(gpu& owner) const {
  if (next_ == 0) return std::vector<double>();
  std::vector<std::uint64_t> ticks(next_);
  // Without VK_QUERY_RESULT_WAIT_BIT: nothing here may block for longer than its caller allows.
  TROUPE_TRY(const VkResult code, TROUPE_VK(owner.vk(), vkGetQueryPoolResults, owner.handle(), pool_.get(), 0u, next_,
                                            ticks.size() * sizeof(std::uint64_t), ticks.data(), sizeof(std::uint64_t),
                                            VkQueryResultFlags{VK_QUERY_RESULT_64_BIT}));
  if (code != VK_SUCCESS)
    return fail(errc::internal, "the device \"{}\" did not note the times of a profiled run",
                owner.properties().info.name);
  const std::uint32_t bits = owner.properties().timestamp_bits;
  const std::uint64_t mask = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  const double microseconds_a_tick = static_cast<double>(owner.properties().limits.timestampPeriod) * 1e-3;
  std::vector<double> times;
  // Differences survive a clock that starts over.
  for (const std::uint64_t tick : ticks)
    times.push_back(static_cast<double>((tick - ticks.front()) & mask) * microseconds_a_tick);
  return times;
}

}  // namespace troupe::vulkan
