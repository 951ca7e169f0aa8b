#include "troupe/chaos/fault.hpp"

#include <algorithm>
#include <array>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

using enum fault_kind;
using enum fault_target;

constexpr bool lasts = true, once = false;
constexpr bool sim = true, real = true, no = false;
constexpr bool heals = true, harms = false;

// What simulation and processes share is marked with both. Ids are those of the fault model; a letter and number may
// have several forms.
constexpr std::array catalogue{
    // Actors.
    fault_kind_info{a1_throw, "A1.throw", part, once, sim, no, heals, "messages", 1, 3, 1000,
                    "a shard's handler throws at the n-th message from now"},
    fault_kind_info{a1_part_crash, "A1.part_crash", part, once, sim, real, heals, "", 0, 0, 0, "a shard crashes"},
    fault_kind_info{a2_constructor, "A2.constructor", part, lasts, sim, no, heals, "", 0, 0, 0,
                    "a shard crashes and cannot be started again"},
    fault_kind_info{a3_hang, "A3.hang", part, lasts, sim, no, heals, "", 0, 0, 0, "a shard answers nothing"},
    fault_kind_info{a5_flood, "A5.flood", cluster, once, no, real, heals, "requests", 1, 64, 4096,
                    "so many requests more at once, each of which must be answered or refused in time"},
    fault_kind_info{a6_supervisor, "A6.supervisor", node, once, sim, no, heals, "", 0, 0, 0,
                    "the supervisor of a node's shards crashes"},
    fault_kind_info{a6_node_actor, "A6.node_actor", node, once, sim, no, heals, "", 0, 0, 0, "a node's actor crashes"},
    fault_kind_info{a7_coordinator, "A7.coordinator", cluster, once, sim, no, heals, "", 0, 0, 0,
                    "the coordinator crashes"},
    fault_kind_info{a8_aggregator, "A8.aggregator", cluster, once, sim, no, heals, "", 0, 0, 0,
                    "the aggregator crashes"},
    fault_kind_info{a9_store, "A9.store", node, once, sim, no, heals, "", 0, 0, 0, "a parameter store crashes"},
    // Processes.
    fault_kind_info{p1_kill, "P1.kill", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "a process is killed with SIGKILL, and started again at the end"},
    fault_kind_info{p1_segfault, "P1.segfault", node, lasts, no, real, heals, "", 0, 0, 0,
                    "a process dies of SIGSEGV, and is started again at the end"},
    fault_kind_info{p1_terminate, "P1.terminate", node, lasts, no, real, heals, "", 0, 0, 0,
                    "a process is asked to stop with SIGTERM, and started again at the end"},
    fault_kind_info{p1_crash_loop, "P1.crash_loop", node, lasts, no, real, heals, "ms", 10, 300, 10'000,
                    "a process is killed and started again, each time after so long"},
    fault_kind_info{p2_freeze, "P2.freeze", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "a process stands still (SIGSTOP) and goes on at the end (SIGCONT)"},
    fault_kind_info{p3_zombie, "P3.zombie", node, lasts, no, real, heals, "ms", 0, 500, 60'000,
                    "a process stands still until it has been replaced and so long beyond, then speaks again"},
    fault_kind_info{p5_power_loss, "P5.power_loss", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "a process is gone and its connections stay silent; at the end they are reset and it starts again"},
    fault_kind_info{p6_memory, "P6.memory", node, lasts, no, real, heals, "MiB", 0, 16, 65'536,
                    "a process may allocate only so much more address space"},
    fault_kind_info{p7_descriptors, "P7.descriptors", node, lasts, no, real, heals, "", 0, 0, 0,
                    "a process can open no further file or socket"},
    fault_kind_info{p9_sleep, "P9.sleep", cluster, lasts, sim, real, heals, "", 0, 0, 0,
                    "every node stands still at once, as a laptop that sleeps"},
    // Network.
    fault_kind_info{n1_reset, "N1.reset", node, once, sim, real, heals, "", 0, 0, 0,
                    "all connections of a node are reset"},
    fault_kind_info{n1_reset_mid_frame, "N1.reset_mid_frame", node, once, no, real, heals, "bytes", 0, 20, 1 << 20,
                    "the connection over which the next bytes go to a node is reset after so many of them"},
    fault_kind_info{n1_close, "N1.close", node, once, no, real, heals, "", 0, 0, 0,
                    "all connections of a node are closed in order"},
    fault_kind_info{n1_half_close, "N1.half_close", node, once, no, real, heals, "", 0, 0, 0,
                    "all connections of a node are closed in the direction to it only"},
    fault_kind_info{n1_refuse, "N1.refuse", node, lasts, no, real, heals, "", 0, 0, 0,
                    "all connections of a node are reset, and new ones at once"},
    fault_kind_info{n1_flap, "N1.flap", node, lasts, sim, real, heals, "ms", 1, 200, 10'000,
                    "all connections of a node are reset, again after each so long"},
    fault_kind_info{n2_partition, "N2.partition", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "nothing gets to a node and nothing from it"},
    fault_kind_info{n3_one_way_to, "N3.one_way_to", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "nothing gets to a node, while it is heard"},
    fault_kind_info{n3_one_way_from, "N3.one_way_from", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "nothing is heard from a node, while it hears"},
    fault_kind_info{n4_peers, "N4.peers", node, lasts, no, real, heals, "", 0, 0, 0,
                    "nothing passes on the connections that other nodes have made to a node; the coordinator's work"},
    fault_kind_info{n6_delay, "N6.delay", node, lasts, sim, real, heals, "ms", 1, 20, 10'000,
                    "everything to and from a node takes so much longer"},
    fault_kind_info{n6_jitter, "N6.jitter", node, lasts, sim, real, heals, "ms", 1, 50, 10'000,
                    "everything to and from a node takes up to so much longer, at random"},
    fault_kind_info{n8_duplicate, "N8.duplicate", node, once, sim, real, heals, "bytes", 1, 64, 65'536,
                    "the next so many bytes to a node arrive twice"},
    fault_kind_info{n8_replay, "N8.replay", node, once, no, real, heals, "", 0, 0, 0,
                    "a stranger connects to a node and sends again what opened an earlier connection"},
    fault_kind_info{n9_flip, "N9.flip", node, once, sim, real, heals, "bits", 1, 1, 64,
                    "so many bits of the next bytes to a node are flipped"},
    fault_kind_info{n9_cut, "N9.cut", node, once, sim, real, heals, "bytes", 1, 7, 65'536,
                    "the next so many bytes to a node are missing"},
    fault_kind_info{n9_insert, "N9.insert", node, once, no, real, heals, "bytes", 1, 7, 65'536,
                    "so many random bytes come before the next ones to a node"},
    fault_kind_info{n10_bandwidth, "N10.bandwidth", node, lasts, sim, real, heals, "KiB", 1, 1024, 1 << 20,
                    "a node's connections carry so much a second in each direction"},
    fault_kind_info{n10_slicer, "N10.slicer", node, lasts, no, real, heals, "bytes", 1, 16, 65'536,
                    "everything to and from a node arrives in pieces of so many bytes"},
    fault_kind_info{n10_clog, "N10.clog", node, lasts, sim, real, heals, "", 0, 0, 0,
                    "a node's connections stand still for a time in which it does not count as lost"},
    fault_kind_info{n11_half_open, "N11.half_open", node, lasts, no, real, heals, "connections", 1, 40, 256,
                    "so many strangers connect to a node and say nothing"},
    fault_kind_info{n11_slow_loris, "N11.slow_loris", node, lasts, no, real, heals, "connections", 1, 8, 256,
                    "so many strangers connect to a node and send a byte now and then"},
    fault_kind_info{n11_garbage, "N11.garbage", node, once, no, real, heals, "connections", 1, 8, 256,
                    "so many strangers connect to a node and send random bytes"},
    fault_kind_info{n11_storm, "N11.storm", node, once, no, real, heals, "connections", 1, 64, 1024,
                    "so many strangers connect to a node and go at once"},
    // Nodes, storage and devices.
    fault_kind_info{s1_slow_process, "S1.slow_process", node, lasts, no, real, heals, "percent", 1, 10, 99,
                    "a process gets so much of the time only"},
    fault_kind_info{s1_slow_device, "S1.slow_device", node, lasts, sim, no, heals, "times", 2, 10, 1000,
                    "steps on a node's device take so many times as long"},
    fault_kind_info{s5_cache_rot, "S5.cache_rot", node, once, no, real, heals, "bits", 1, 8, 64,
                    "so many bits of each file in a node's cache of weights flip, and it is killed and started again"},
    fault_kind_info{s6_cache_gone, "S6.cache_gone", node, once, no, real, heals, "", 0, 0, 0,
                    "a node's cache of weights is deleted while it is in use"},
    fault_kind_info{s8_cache_torn, "S8.cache_torn", node, once, no, real, heals, "bytes", 1, 100, 1 << 20,
                    "each file in a node's cache of weights loses its last bytes, and it is killed and started again"},
    fault_kind_info{g1_device_lost, "G1.device_lost", node, once, sim, no, heals, "", 0, 0, 0,
                    "a node's device is lost in a step"},
    fault_kind_info{g4_load_memory, "G4.load_memory", node, lasts, sim, no, heals, "", 0, 0, 0,
                    "a node's device has no memory for parts"},
    fault_kind_info{g5_step_memory, "G5.step_memory", node, once, sim, no, heals, "", 0, 0, 0,
                    "a node's device has no memory for a step"},
    fault_kind_info{g6_hung_fence, "G6.hung_fence", node, lasts, sim, no, heals, "", 0, 0, 0,
                    "a step on a node's device does not end"},
    // Clients.
    fault_kind_info{c1_cancel, "C1.cancel", cluster, once, sim, real, harms, "", 0, 0, 0,
                    "the last request is cancelled"},
    fault_kind_info{c2_slow_reader, "C2.slow_reader", cluster, lasts, no, real, heals, "", 0, 0, 0,
                    "nobody takes answers"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < catalogue.size(); ++i)
    if (static_cast<std::size_t>(catalogue[i].kind) != i) return false;
  return catalogue.size() == static_cast<std::size_t>(c2_slow_reader) + 1;
}
static_assert(in_order(), "the catalogue has one row for each kind, in their order");

result<void> validate(const fault& given, const workload& work) {
  if (static_cast<std::size_t>(given.kind) >= catalogue.size())
    return fail(errc::invalid_argument, "there is no fault of number {}", static_cast<unsigned>(given.kind));
  const fault_kind_info& kind = info_of(given.kind);
  const std::uint32_t targets = kind.target == cluster ? 1 : work.nodes;
  if (given.node >= targets)
    return fail(errc::invalid_argument, "{} is to hit number {}, but there are {} to hit", kind.id, given.node,
                targets);
  if (given.at < microseconds(0) || given.at > limits::time_max || given.lasting < microseconds(0) ||
      given.lasting > limits::time_max)
    return fail(errc::invalid_argument, "{} has a time that is negative or above an hour", kind.id);
  if (kind.lasts != (given.lasting > microseconds(0)))
    return fail(errc::invalid_argument, "{} {}", kind.id,
                kind.lasts ? "lasts; say for how long" : "is over at once and takes no duration");
  if (given.parameter < kind.parameter_min || given.parameter > kind.parameter_max)
    return kind.parameter.empty() ? fail(errc::invalid_argument, "{} takes no parameter", kind.id)
                                  : fail(errc::invalid_argument, "{} has {}={}, which is outside {} to {}", kind.id,
                                         kind.parameter, given.parameter, kind.parameter_min, kind.parameter_max);
  if (given.token && *given.token > limits::tokens_max)
    return fail(errc::invalid_argument, "{} waits for token {}, but there are at most {}", kind.id, *given.token,
                limits::tokens_max);
  return {};
}

}  // namespace

std::span<const fault_kind_info> fault_catalogue() noexcept {
  return catalogue;
}

const fault_kind_info& info_of(fault_kind kind) noexcept {
  return catalogue[static_cast<std::size_t>(kind)];
}

std::optional<fault_kind> fault_kind_of(std::string_view id) noexcept {
  const auto found =
      std::find_if(catalogue.begin(), catalogue.end(), [&](const fault_kind_info& each) { return each.id == id; });
  if (found == catalogue.end()) return std::nullopt;
  return found->kind;
}

result<void> validate(const fault_plan& plan) {
  const workload& work = plan.work;
  const std::string& model = work.model;
  if (model.size() > limits::path_bytes_max || model.find('#') != model.npos ||
      std::any_of(model.begin(), model.end(), [](char letter) { return static_cast<unsigned char>(letter) < ' '; }) ||
      (!model.empty() && (model.front() == ' ' || model.back() == ' ')))
    return fail(errc::invalid_argument, "the model's file \"{}\" cannot stand in a scenario; rename it", model);
  const auto within = [](auto value, auto most) { return value >= 1 && value <= most; };
  if (!within(work.nodes, limits::nodes_max))
    return fail(errc::invalid_argument, "a plan has {} nodes; it takes 1 to {}", work.nodes, limits::nodes_max);
  if (!within(work.requests, limits::requests_max))
    return fail(errc::invalid_argument, "a plan has {} requests; it takes 1 to {}", work.requests,
                limits::requests_max);
  if (!within(work.tokens, limits::tokens_max))
    return fail(errc::invalid_argument, "a plan has {} tokens; it takes 1 to {}", work.tokens, limits::tokens_max);
  if (!within(work.deadline.count(), std::chrono::duration_cast<std::chrono::milliseconds>(limits::time_max).count()))
    return fail(errc::invalid_argument, "a plan has a deadline of {} ms; it takes 1 ms to an hour",
                work.deadline.count());
  if (plan.faults.size() > limits::faults_max)
    return fail(errc::invalid_argument, "a plan has {} faults; it takes at most {}", plan.faults.size(),
                limits::faults_max);
  for (const fault& each : plan.faults) TROUPE_CHECK(validate(each, work));
  return {};
}

}  // namespace troupe::chaos
