// Carries plans out in simulation: a whole cluster of real actors in one thread, with simulated links, devices and
// hosts, in virtual time. Thousands of plans a second, each the same every time.
#pragma once

#include "troupe/chaos/report.hpp"

namespace troupe::chaos {

/// Plans for it: node 0 of a plan is the first host besides the program's own. `pipeline` with one or two requests
/// makes sessions with states, each answer depending on all before it; with more requests, batches through the stages;
/// `data` makes batches that replicas share. `run_report::trace_hash` is equal for equal plans, on every machine;
/// `run_report::seconds` are virtual. May be called from several threads at once. See docs/simulation.md for the
/// invariants.
///
/// `unsupported` for a plan with a model of its own, another mode, a fault at a token or of a kind that cannot be
/// simulated; `invalid_argument` for one that is not valid or beyond 8 nodes, 64 requests or 64 answers to each.
result<run_report> run_simulated(const fault_plan& plan);

}  // namespace troupe::chaos
