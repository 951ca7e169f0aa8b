// What a node and a link reach in practice: what the planner decides with.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "troupe/engine/device.hpp"

namespace troupe {

/// One device of one node, measured with the kernels that run models. Rates are what those reach, not what the
/// hardware could.
struct node_ability {
  std::string device;              ///< as `device_info::name`
  std::string driver;              ///< as `device_info::driver`
  std::uint64_t memory_bytes = 0;  ///< that parts of models may take
  double operations_per_s = 0;     ///< of matrix products and convolutions; a multiply-add counts as two
  double bytes_per_s = 0;          ///< read while weights are applied to a single row
  double dispatch_s = 0;           ///< seconds that each further dispatch of a run takes, however small
  double run_s = 0;                ///< seconds that a run takes besides its dispatches
  friend bool operator==(const node_ability&, const node_ability&) = default;
};

/// The way between a node and all others. The default is that of a process to itself.
struct link_ability {
  double round_trip_s = 0;
  double bytes_per_s = std::numeric_limits<double>::infinity();  ///< in each direction
  friend bool operator==(const link_ability&, const link_ability&) = default;
};

/// What parts of models may take of a device's memory: drivers and other programs need some.
std::uint64_t usable_memory(const device_info& of);

/// Measures a device, made with the built-in operators, in about two seconds. The best of several rounds counts, so
/// that a device that is busy with other things is not taken for a slow one. `unsupported` for the null device, which
/// computes nothing.
result<node_ability> measure_ability(device& on);

/// The ability of a node whose part took `measured_s` where `predicted_s` was expected: as much slower or faster, but
/// not by more than 64 times. Numbers that are not positive change nothing.
node_ability corrected(node_ability ability, double predicted_s, double measured_s);

/// An error that names the number when a rate is not positive or a time is negative, as a peer might claim.
result<void> check(const node_ability& ability);

}  // namespace troupe
