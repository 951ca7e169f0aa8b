// Faults as data: what goes wrong where, when and for how long, and what the cluster is doing meanwhile. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace troupe::simulation {

/// The kinds, with the identifiers of the fault model. `node` 0 is the process of the coordinator, workers are 1, 2...
enum class fault_kind : std::uint8_t {
  shard_throws,       ///< A1: a handler of a shard throws at its next message
  kill_shard,         ///< A1: one ends as if it had crashed
  load_fails,         ///< A2: a device refuses to load, for `lasting`
  hang_shard,         ///< A3: a shard's control half handles nothing for `lasting`
  hang_node_actor,    ///< A3: the node actor handles nothing for `lasting`
  kill_supervisor,    ///< A6: of a model's or part's actors
  kill_coordinator,   ///< A7: the actor
  kill_aggregator,    ///< A8
  kill_store,         ///< A9
  kill_node_actor,    ///< A6: with its parts
  kill_membership,    ///< A6: the actor that keeps the links
  kill_process,       ///< P1: it ends at once and its peers hear of it; started again after `lasting`
  freeze_process,     ///< P2, P3: it stands still for `lasting`, then goes on
  power_loss,         ///< P5: as kill_process, but nobody hears anything
  reset_link,         ///< N1: to node `parameter`
  partition,          ///< N2: from node `parameter`, both ways, for `lasting`
  one_way,            ///< N3: nothing arrives from `node` at node `parameter` for `lasting`
  slow_link,          ///< N6: delays to node `parameter` grow to up to 500 ms for `lasting`
  duplicate_frame,    ///< N8: the next one to node `parameter`
  corrupt_frame,      ///< N9: some bits of the next one to node `parameter` flip
  truncate_frame,     ///< N9: the connection to node `parameter` breaks in the middle of the next one
  narrow_link,        ///< N10: to node `parameter`, 1 MB/s for `lasting`
  slow_device,        ///< S1: steps take ten times as long for `lasting`
  device_lost,        ///< G1: the next step
  no_device_memory,   ///< G4: loading lacks memory for `lasting`
  step_lacks_memory,  ///< G5: the next step
  hang_device,        ///< G6: the next step takes `lasting` longer
  cancel_request,     ///< C1: the newest request is withdrawn
  count
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault_kind::count);

std::string_view to_string(fault_kind kind) noexcept;

struct fault {
  fault_kind kind = fault_kind::kill_shard;
  std::uint32_t node = 0;
  std::chrono::microseconds at{0};  ///< after the model is loaded
  std::chrono::microseconds lasting{0};
  std::uint64_t parameter = 0;
  friend bool operator==(const fault&, const fault&) = default;
};

/// What the cluster is asked to do.
struct workload {
  enum class shape : std::uint8_t { batches, data, sessions };
  shape what = shape::batches;  ///< batches through a pipeline, batches shared by replicas, or sessions with states
  std::uint32_t workers = 2;    ///< processes besides the coordinator's, 1 to 8
  std::uint32_t shards = 2;     ///< stages or replicas, 1 to 8
  std::uint32_t requests = 8;   ///< batches, or steps of each session
  std::uint32_t sessions = 1;   ///< for `sessions`: 1 or 2; for batches: how many are under way at a time
  std::chrono::microseconds every{2000};      ///< pause of a client between two requests
  std::chrono::milliseconds deadline{20000};  ///< of each request
  friend bool operator==(const workload&, const workload&) = default;
};

/// The same plan always runs in the same way: `seed` decides everything that the rest leaves open (order, delays).
struct fault_plan {
  std::uint64_t seed = 0;
  std::vector<fault> faults;
  workload work;
  friend bool operator==(const fault_plan&, const fault_plan&) = default;
};

}  // namespace troupe::simulation
