#include "device/memory_budget.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// What the kernel thinks can be had without swapping; no limit where it does not say.
std::uint64_t host_memory_left() {
  std::ifstream lines("/proc/meminfo");
  std::string key, unit;
  std::uint64_t kibibytes = 0;
  while (lines >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    std::getline(lines, unit);
  }
  return std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::uint64_t memory_budget(const device_info& on) {
  const bool shared = on.type == "integrated" || on.type == "cpu" || on.type == "host";
  return shared ? std::min(on.memory_bytes, host_memory_left()) : on.memory_bytes;
}

result<void> check_states_fit(const graph& part, std::optional<dtype> storage, std::uint64_t budget) {
  std::uint64_t bytes = 0;  // cannot overflow: `limits::graph_states_max` of `limits::elements_max`
  for (const value_id id : part.states) {
    const value_info& state = part.values[id];
    TROUPE_TRY(const shape dims, state_dims(state));
    bytes += static_cast<std::uint64_t>(dims.elements()) * size_of(storage.value_or(state.type));
  }
  if (bytes <= budget) return {};
  return fail(errc::out_of_memory,
              "the model keeps {} bytes from run to run, but the device has {} bytes left; load it with a shorter "
              "context, fewer sessions or a smaller cache",
              bytes, budget);
}

}  // namespace troupe
