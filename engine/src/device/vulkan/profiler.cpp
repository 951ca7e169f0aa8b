#include "device/vulkan/profiler.hpp"

#include <algorithm>

#include "graph/arithmetic.hpp"

namespace troupe::vulkan {

void profiler::host_node(std::size_t node, double begin_us) {
  host_.push_back({stage_, node, begin_us, now_us() - begin_us});
}

void profiler::submitted(std::size_t stage) {
  submitted_us_.resize(stage + 1, now_us());
  stage_ = stage + 1;
}

std::uint64_t profiler::bytes_of(const dispatch& work) const {
  std::vector<std::uint32_t> seen;
  std::uint64_t bytes = 0;
  for (const dispatch_operand& operand : work.operands) {
    const std::uint32_t root = work_.slots[operand.slot].root;
    if (std::find(seen.begin(), seen.end(), root) != seen.end()) continue;
    seen.push_back(root);
    bytes += work_.slots[root].bytes;
  }
  return bytes;
}

profiled_step profiler::device_step(const dispatch& work, double begin_us, double end_us) const {
  return {work.node, std::string(work.shader), begin_us, end_us - begin_us, bytes_of(work)};
}

result<run_profile> profiler::finish(gpu& owner, const recording& timed) {
  run_profile made;
  made.wall_us = now_us();
  for (const node& step : work_.model.graph.nodes)
    made.nodes.push_back({step.name, step.op, operations_of(step, work_.model.dims)});
  TROUPE_TRY(const auto times, timed.times().read(owner));
  std::size_t next = 0;
  auto host = host_.begin();
  for (std::size_t s = 0; s < work_.stages.size(); ++s) {
    for (; host != host_.end() && host->stage == s; ++host)
      made.steps.push_back({host->node, {}, host->begin_us, host->duration_us, 0});
    if (timed.stages()[s].commands.empty()) continue;
    // One time before the first dispatch, and one after each.
    const double offset = submitted_us_[s] - times[next];
    for (const dispatch& work : work_.stages[s].dispatches) {
      made.steps.push_back(device_step(work, offset + times[next], offset + times[next + 1]));
      ++next;
    }
    ++next;
  }
  return made;
}

}  // namespace troupe::vulkan
