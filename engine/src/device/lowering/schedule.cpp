#include "device/lowering/schedule.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// The phase of a node counts the changes of side on its longest way from an input: host phases are even, device phases
/// odd. A node runs in the phase of its latest operand, or in the next one if that is of the other side.
std::size_t phase_of(const node& step, const std::vector<std::size_t>& phases, bool on_device) {
  std::size_t phase = 0;
  for (const value_id id : step.inputs)
    if (id != no_value) phase = std::max(phase, phases[id]);
  return phase % 2 == (on_device ? 1u : 0u) ? phase : phase + 1;
}

}  // namespace

std::vector<schedule_step> schedule(const graph& model, const std::vector<bool>& on_device) {
  std::vector<std::size_t> phases(model.values.size(), 0);
  std::vector<schedule_step> steps;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const std::size_t phase = phase_of(model.nodes[i], phases, on_device[i]);
    for (const value_id id : model.nodes[i].outputs)
      if (id != no_value) phases[id] = phase;
    if (steps.size() <= phase / 2) steps.resize(phase / 2 + 1);
    (on_device[i] ? steps[phase / 2].device_nodes : steps[phase / 2].host_nodes).push_back(i);
  }
  return steps;
}

}  // namespace troupe
