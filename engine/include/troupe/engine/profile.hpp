// Where the time of one run goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

/// A node of the graph as it was run: after passes, constant folding and specialisation.
struct profiled_node {
  std::string name;
  std::string op;
  std::uint64_t operations = 0;  ///< arithmetic by definition, a multiply-add counted as two, whatever the kernel does
};

/// One dispatch on the device, or one node on the host.
struct profiled_step {
  std::size_t node = 0;     ///< index into `run_profile::nodes`
  std::string kernel;       ///< name of the shader; empty on the host
  double begin_us = 0;      ///< microseconds since the run began
  double duration_us = 0;   ///< microseconds; on a device by its own clock
  std::uint64_t bytes = 0;  ///< of all operands, each counted once: the least that must move
  bool on_host() const noexcept { return kernel.empty(); }
};

/// A profiled run waits after each dispatch, so that every one has its own time; what a plain run overlaps is not seen.
struct run_profile {
  std::vector<profiled_node> nodes;
  std::vector<profiled_step> steps;  ///< in the order they ran
  double wall_us = 0;                ///< microseconds of the whole run, transfers and waits included
};

}  // namespace troupe
