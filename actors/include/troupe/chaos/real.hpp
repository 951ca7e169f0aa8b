// Carries plans out with real processes, and checks what must hold.
#pragma once

#include <memory>

#include "troupe/chaos/cluster.hpp"
#include "troupe/chaos/report.hpp"

namespace troupe::chaos {

struct real_options {
  std::string program;      ///< path of the `troupe` program
  std::string device = {};  ///< as `open_device` takes it, for the nodes and for this process
  /// Where nodes keep what they keep; see `cluster_options`.
  std::filesystem::path folder = {};
  /// Models of plans that are no absolute path are below it.
  std::filesystem::path model_folder = {};
  /// More nodes than the model has parts: they take over what others lose.
  std::uint32_t spare_nodes = 0;
};

/// This process is the program that uses the cluster: it has the coordinator and the aggregator, and each node has a
/// part. The nodes are kept from plan to plan as long as their number stays. One thread at a time.
///
/// Invariants (ids of the fault model): I1, each request has one terminal answer, a second after its deadline at the
/// latest, and not an error after faults that can be recovered from. I2, answers are those of the same work in this
/// process alone, bit for bit. I3, their indices have no gap and no repeat. I17, no node ends by what it is sent. I19,
/// once the faults are over the parts come back to the nodes.
class real_runner {
public:
  explicit real_runner(real_options options);
  real_runner(real_runner&&) noexcept;
  real_runner& operator=(real_runner&&) noexcept;
  ~real_runner();

  /// An error when the work itself cannot be done: no such model, no process can be started. What faults do is in the
  /// report.
  result<run_report> run(const fault_plan& plan);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe::chaos
