// A whole cluster in one thread and in virtual time: real actors, real records and frames, links, devices and hosts
// that fail as a plan says. Everything that may happen next is one choice of one seeded generator, so a plan always
// runs in the same way.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulation/fault.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/graph.hpp"

namespace troupe::simulation {

/// What a simulated cluster runs. Made once, used for many plans; safe to share between threads.
struct model_under_test {
  graph network;
  /// Rows [first, first + count) of a session as inputs of a run; `session` is a batch's number without states.
  std::function<std::vector<tensor>(std::uint32_t session, std::int64_t first, std::int64_t count)> inputs;
  /// Opens a device; empty: the stub, whose outputs are hashes of what went in and of what it keeps.
  std::function<result<std::shared_ptr<device>>()> open_device;
};
/// A small network with states (for sessions) or without (for batches).
std::shared_ptr<const model_under_test> stub_model(bool stateful);

struct simulation_options {
  std::shared_ptr<const model_under_test> model;  ///< empty: the stub that fits the workload
  std::uint64_t steps_max = 200'000;              ///< a schedule with more than these is a violation (it never rests)
  /// Virtual time after the last fault in which every request must have its answer and the cluster must serve again.
  std::chrono::seconds healing{90};
  /// Told of every step, for looking into one schedule. May be empty.
  std::function<void(const std::string&)> trace;
};

/// An invariant of the fault model that did not hold.
struct violation {
  std::string invariant;  ///< "I1" ...
  std::string what;
  std::chrono::microseconds at{0};
};

struct simulation_report {
  std::vector<violation> violations;
  std::uint64_t trace_hash = 0;  ///< of everything that happened, in its order
  std::array<std::uint32_t, fault_kinds> armed{}, fired{};
  std::uint64_t steps = 0;  ///< messages handled, frames delivered, timers
  std::chrono::microseconds virtual_time{0};
  std::uint32_t answered = 0, failed = 0;  ///< requests with a result, and with an error
  std::string last_failure;                ///< of those that failed
  std::uint32_t recoveries = 0;            ///< of answers, and times that a session replayed its rows
};

/// Runs the plan from an empty cluster to the end of all its actors. An error when the plan itself is not possible.
result<simulation_report> run_simulated(const fault_plan& plan, const simulation_options& options = {});

/// A plan of up to `faults_max` faults drawn from the seed.
fault_plan draw_plan(std::uint64_t seed, std::uint32_t faults_max = 4);

}  // namespace troupe::simulation
