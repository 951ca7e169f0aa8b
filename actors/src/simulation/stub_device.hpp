// Devices of simulated hosts: a stub whose results are hashes of all that they must depend on, and a shell around any
// device that fails as it is told.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "troupe/engine/device.hpp"

namespace troupe::simulation {

/// Computes nothing of the network: each row of an output is a hash of the same row of the inputs and of the part. With
/// states it is a rolling hash over all rows of its sequence up to its position, which the device keeps as a real one
/// keeps keys and values: a step that finds another past than it should gives another result.
std::shared_ptr<device> make_stub_device();

/// What happens on one simulated host's device, and what went through it.
struct device_conduct {
  std::function<time_point()> now;
  std::optional<errc> fails_next;  ///< the next step
  bool throws_next = false;        ///< the next step ends with an exception
  std::optional<time_point> no_load_until, no_memory_until;
  std::uint32_t lost_steps = 0, thrown = 0, refused_loads = 0, lacked_memory = 0;
  std::uint64_t steps = 0;
  std::int64_t programs = 0;  ///< alive now
};

/// `real` with the failures that `conduct`, which it shares, says.
std::shared_ptr<device> with_conduct(std::shared_ptr<device> real, std::shared_ptr<device_conduct> conduct);

}  // namespace troupe::simulation
