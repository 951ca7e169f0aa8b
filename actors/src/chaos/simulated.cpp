#include "troupe/chaos/simulated.hpp"

#include <algorithm>

#include "simulation/simulation.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

using simulated_kind = simulation::fault_kind;

/// Shorter than any profile's time until a silent peer counts as lost.
constexpr microseconds clog_max = std::chrono::milliseconds(800);

/// The host of a node (or of a part, which lies on the node of its number) in the simulation, where the program's own
/// is host 0.
std::uint32_t host_of(const fault& given) {
  return given.node + 1;
}

/// What happens to one host.
std::optional<simulated_kind> host_kind(fault_kind kind) {
  switch (kind) {
    case fault_kind::a1_throw: return simulated_kind::shard_throws;
    case fault_kind::a1_part_crash: return simulated_kind::kill_shard;
    case fault_kind::a2_constructor: return simulated_kind::load_fails;
    case fault_kind::a3_hang: return simulated_kind::hang_shard;
    case fault_kind::a6_supervisor: return simulated_kind::kill_supervisor;
    case fault_kind::a6_node_actor: return simulated_kind::kill_node_actor;
    case fault_kind::a9_store: return simulated_kind::kill_store;
    case fault_kind::p1_kill: return simulated_kind::kill_process;
    case fault_kind::p2_freeze: return simulated_kind::freeze_process;
    case fault_kind::p5_power_loss: return simulated_kind::power_loss;
    case fault_kind::s1_slow_device: return simulated_kind::slow_device;
    case fault_kind::g1_device_lost: return simulated_kind::device_lost;
    case fault_kind::g4_load_memory: return simulated_kind::no_device_memory;
    case fault_kind::g5_step_memory: return simulated_kind::step_lacks_memory;
    case fault_kind::g6_hung_fence: return simulated_kind::hang_device;
    default: return std::nullopt;
  }
}

/// What happens to every connection of one host.
std::optional<simulated_kind> link_kind(fault_kind kind) {
  switch (kind) {
    case fault_kind::n1_reset:
    case fault_kind::n1_flap: return simulated_kind::reset_link;
    case fault_kind::n2_partition:
    case fault_kind::n10_clog: return simulated_kind::partition;
    case fault_kind::n3_one_way_to:
    case fault_kind::n3_one_way_from: return simulated_kind::one_way;
    case fault_kind::n6_delay:
    case fault_kind::n6_jitter: return simulated_kind::slow_link;
    case fault_kind::n8_duplicate: return simulated_kind::duplicate_frame;
    case fault_kind::n9_flip: return simulated_kind::corrupt_frame;
    case fault_kind::n9_cut: return simulated_kind::truncate_frame;
    case fault_kind::n10_bandwidth: return simulated_kind::narrow_link;
    default: return std::nullopt;
  }
}

/// What happens in the program's own process.
std::optional<simulated_kind> program_kind(fault_kind kind) {
  switch (kind) {
    case fault_kind::a7_coordinator: return simulated_kind::kill_coordinator;
    case fault_kind::a8_aggregator: return simulated_kind::kill_aggregator;
    case fault_kind::c1_cancel: return simulated_kind::cancel_request;
    default: return std::nullopt;
  }
}

/// A fault as the simulator has it: none, when it cannot be simulated, or several.
std::vector<simulation::fault> simulated(const fault& given, std::uint32_t nodes) {
  std::vector<simulation::fault> made;
  if (const auto kind = host_kind(given.kind)) {
    made.push_back({*kind, host_of(given), given.at, given.lasting, 0});
  } else if (const auto own = program_kind(given.kind)) {
    made.push_back({*own, 0, given.at, given.lasting, 0});
  } else if (given.kind == fault_kind::p9_sleep) {
    for (std::uint32_t host = 1; host <= nodes; ++host)
      made.push_back({simulated_kind::freeze_process, host, given.at, given.lasting, 0});
  } else if (const auto link = link_kind(given.kind)) {
    const microseconds lasting = given.kind == fault_kind::n10_clog ? std::min(given.lasting, clog_max) : given.lasting;
    const microseconds pause = std::chrono::milliseconds(std::max<std::uint64_t>(given.parameter, 1));
    const std::int64_t times =
        given.kind == fault_kind::n1_flap ? std::clamp<std::int64_t>(given.lasting / pause, 1, 64) : 1;
    for (std::int64_t time = 0; time < times; ++time)
      for (std::uint32_t peer = 0; peer <= nodes; ++peer) {
        if (peer == host_of(given)) continue;
        const bool to = given.kind == fault_kind::n3_one_way_to;  // nothing arrives at the host, from each peer
        made.push_back(
            {*link, to ? peer : host_of(given), given.at + time * pause, lasting, to ? host_of(given) : peer});
      }
  }
  return made;
}

result<simulation::workload> simulated(const workload& given) {
  if (!given.model.empty())
    return error(errc::unsupported,
                 "simulations have a network of their own; leave the model out, or use real processes");
  if (given.mode != parallel_mode::pipeline && given.mode != parallel_mode::data)
    return error(errc::unsupported, "simulations spread their network by pipeline or data");
  simulation::workload made;
  const bool sessions = given.mode == parallel_mode::pipeline && given.requests <= 2;
  made.what = given.mode == parallel_mode::data ? simulation::workload::shape::data
              : sessions                        ? simulation::workload::shape::sessions
                                                : simulation::workload::shape::batches;
  made.workers = made.shards = given.nodes;
  made.sessions = given.requests;
  made.requests = given.tokens;
  made.deadline = given.deadline;
  return made;
}

}  // namespace

result<run_report> run_simulated(const fault_plan& plan) {
  TROUPE_CHECK(validate(plan));
  simulation::fault_plan translated;
  translated.seed = plan.seed;
  TROUPE_TRY(translated.work, simulated(plan.work));
  std::array<std::vector<fault_kind>, simulation::fault_kinds> meant;
  for (const fault& each : plan.faults) {
    const auto made = simulated(each, plan.work.nodes);
    if (made.empty())
      return fail(errc::unsupported, "faults of the kind {} cannot be simulated; `troupe chaos --list` shows which can",
                  info_of(each.kind).id);
    if (each.token)
      return error(errc::unsupported, "faults at a token cannot be simulated; give a time, or use real processes");
    auto& origins = meant[static_cast<std::size_t>(made.front().kind)];
    if (std::find(origins.begin(), origins.end(), each.kind) == origins.end()) origins.push_back(each.kind);
    translated.faults.insert(translated.faults.end(), made.begin(), made.end());
  }
  simulation::simulation_options options;
  options.steps_max += 200ull * plan.work.nodes * plan.work.requests * plan.work.tokens;
  TROUPE_TRY(const simulation::simulation_report done, simulation::run_simulated(translated, options));

  run_report report;
  report.plan = plan;
  for (const fault& each : plan.faults) ++report.kinds[each.kind].drawn;
  // Kinds that are the same thing to the simulator share what it counted.
  for (std::size_t kind = 0; kind < simulation::fault_kinds; ++kind)
    for (const fault_kind origin : meant[kind]) {
      kind_count& counted = report.kinds[origin];
      counted.armed += std::min<std::uint64_t>(done.armed[kind], counted.drawn);
      counted.fired += std::min<std::uint64_t>(done.fired[kind], counted.drawn);
    }
  for (const simulation::violation& each : done.violations)
    report.violations.push_back({each.invariant, each.what, each.at});
  const bool must_end_well = std::all_of(plan.faults.begin(), plan.faults.end(),
                                         [](const fault& each) { return info_of(each.kind).recoverable; });
  if (must_end_well && done.failed > 0)
    report.violations.push_back(
        {"I1", fmt::format("{} requests end with an error, the last with: {}", done.failed, done.last_failure), {}});
  report.answers = done.answered;
  report.recoveries = done.recoveries;
  report.trace_hash = done.trace_hash;
  report.seconds = std::chrono::duration<double>(done.virtual_time).count();
  return report;
}

}  // namespace troupe::chaos
