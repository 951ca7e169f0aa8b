// Faults as data: which kinds there are, one fault, and a plan of them with the work that they disturb. Values only;
// the simulator and the harness of real processes carry the same plans out.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/system.hpp"

namespace troupe::chaos {

using std::chrono::microseconds;

/// One enumerator for each row of the catalogue; names are the ids in lower case. The order may change, ids never do.
enum class fault_kind : std::uint8_t {
  a1_throw,
  a1_part_crash,
  a2_constructor,
  a3_hang,
  a5_flood,
  a6_supervisor,
  a6_node_actor,
  a7_coordinator,
  a8_aggregator,
  a9_store,
  p1_kill,
  p1_segfault,
  p1_terminate,
  p1_crash_loop,
  p2_freeze,
  p3_zombie,
  p5_power_loss,
  p6_memory,
  p7_descriptors,
  p9_sleep,
  n1_reset,
  n1_reset_mid_frame,
  n1_close,
  n1_half_close,
  n1_refuse,
  n1_flap,
  n2_partition,
  n3_one_way_to,
  n3_one_way_from,
  n4_peers,
  n6_delay,
  n6_jitter,
  n8_duplicate,
  n8_replay,
  n9_flip,
  n9_cut,
  n9_insert,
  n10_bandwidth,
  n10_slicer,
  n10_clog,
  n11_half_open,
  n11_slow_loris,
  n11_garbage,
  n11_storm,
  s1_slow_process,
  s1_slow_device,
  s5_cache_rot,
  s6_cache_gone,
  s8_cache_torn,
  g1_device_lost,
  g4_load_memory,
  g5_step_memory,
  g6_hung_fence,
  c1_cancel,
  c2_slow_reader,
};

/// What the number of a fault names.
enum class fault_target : std::uint8_t {
  node,     ///< a node process, and the connections to it
  part,     ///< a part of the model, wherever it is
  cluster,  ///< everything; the number is 0
};

/// A row of the catalogue.
struct fault_kind_info {
  fault_kind kind;
  std::string_view id;  ///< "P1.kill": the id of the fault model and which form of it; stable
  fault_target target;
  bool lasts;        ///< has a duration, after which it is undone; otherwise it is over at once
  bool simulated;    ///< the simulator can inject it
  bool real;         ///< it can be injected into real processes
  bool recoverable;  ///< when it is undone, everything that was under way must still end well
  /// What the parameter counts, one word; empty: the kind takes none.
  std::string_view parameter;
  std::uint64_t parameter_min, parameter_usual, parameter_max;
  std::string_view meaning;  ///< one line
};

/// Every kind, in the order of the enumeration.
std::span<const fault_kind_info> fault_catalogue() noexcept;
const fault_kind_info& info_of(fault_kind kind) noexcept;
/// By id, exactly as written in the catalogue.
std::optional<fault_kind> fault_kind_of(std::string_view id) noexcept;

/// One fault of a plan.
struct fault {
  fault_kind kind = fault_kind::p1_kill;
  std::uint32_t node = 0;       ///< or part, as the kind's target says
  microseconds at{0};           ///< after the work began, or after `token`
  microseconds lasting{0};      ///< 0 for kinds that do not last
  std::uint64_t parameter = 0;  ///< 0 for kinds that take none
  /// If given: `at` counts from the moment when the first request had so many answers.
  std::optional<std::uint32_t> token = std::nullopt;

  friend bool operator==(const fault&, const fault&) = default;
};

/// What the cluster has to do while faults happen.
struct workload {
  std::string model;  ///< a file (GGUF or ONNX); empty: a small network that is built in
  std::uint32_t nodes = 2;
  parallel_mode mode = parallel_mode::pipeline;
  std::uint32_t requests = 1;                  ///< at the same time
  std::uint32_t tokens = 32;                   ///< answers to each request, one after the other
  std::chrono::milliseconds deadline{60'000};  ///< of each request

  friend bool operator==(const workload&, const workload&) = default;
};

/// A plan: carried out twice it injects the same faults into the same work.
struct fault_plan {
  std::uint64_t seed = 0;  ///< of the work's inputs, and of whatever else a fault leaves open
  workload work;
  std::vector<fault> faults;

  friend bool operator==(const fault_plan&, const fault_plan&) = default;
};

/// Bounds of plans, wherever they come from.
namespace limits {
inline constexpr std::uint32_t nodes_max = 64, requests_max = 1024, tokens_max = 65'536;
inline constexpr std::size_t faults_max = 4096, path_bytes_max = 2048;
inline constexpr microseconds time_max = std::chrono::hours(1);
}  // namespace limits

/// `invalid_argument`, naming the fault, when a plan is out of bounds or contradicts the catalogue.
result<void> validate(const fault_plan& plan);

}  // namespace troupe::chaos
