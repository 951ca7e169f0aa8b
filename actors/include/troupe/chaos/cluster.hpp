// Real node processes on this machine, each behind a fault proxy, and a clock that lets a plan's faults happen to them.
//
//   auto nodes = chaos::cluster::start({.program = "troupe", .nodes = 2}).value();
//   auto host = troupe::system::make({.nodes = nodes->addresses()}).value();
//   nodes->begin(plan.faults);
//   ...                              // whatever the program does with `host`
//   auto happened = nodes->end();    // everything is undone; what was hit is started again
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "troupe/chaos/report.hpp"
#include "troupe/engine/deadline.hpp"

namespace troupe::chaos {

struct cluster_options {
  std::string program;  ///< path of the `troupe` program
  std::uint32_t nodes = 2;
  std::string device = {};  ///< as `troupe node --device` takes it
  /// Where nodes keep what they keep, each in a folder of its own; empty: they keep nothing, and faults of caches have
  /// nothing to hit.
  std::filesystem::path folder = {};
  std::uint64_t seed = 0;  ///< of random bytes
  /// The name of the system that uses the nodes, so that the connections between nodes can be told from its own.
  std::string host_name = "local";
  std::vector<std::string> more = {};  ///< further options of `troupe node`
};

/// What a cluster cannot do itself, because it is the business of the program that uses it. Called on the cluster's
/// thread; must not block. May be empty: such faults do not happen then.
struct cluster_hooks {
  /// A fault of parts or clients begins (true) or ends (false). Tells whether it happened.
  std::function<bool(const fault&, bool begins)> client;
  /// Whether the program uses the node of this number now.
  std::function<bool(std::uint32_t node)> uses;
};

/// What happened between `begin` and `end`.
struct cluster_log {
  std::map<fault_kind, kind_count> kinds;
  /// When each fault began; those that never did, or hit nothing until the end, are missing. In order.
  std::vector<std::pair<fault, time_point>> begun;
  /// Nodes that ended although nothing was to end them, and faults that could not be injected: a sentence each.
  std::vector<std::string> problems;
};

/// Processes that stay within this machine and end with this object. One thread at a time.
class cluster {
public:
  /// Starts the nodes, one after the other. Fault injection is allowed in them, which `troupe::system::tree` shows.
  static result<std::unique_ptr<cluster>> start(cluster_options options);
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;
  ~cluster();

  /// "127.0.0.1:PORT" of each node's proxy, for `system_options::nodes`.
  std::vector<std::string> addresses() const;
  /// How nodes call themselves: what `part_placement::node` says.
  std::string name_of(std::uint32_t node) const;

  /// Starts the clock of these faults. `invalid_argument` when one hits a node that there is not; `unavailable` when
  /// faults are under way already.
  result<void> begin(std::vector<fault> faults, cluster_hooks hooks = {});
  /// The first request has so many answers: faults that wait for it begin, those without a pause before this returns.
  void at_token(std::uint32_t count);
  /// Ends every fault, starts what is dead, and says what happened. Faults that have not begun do not begin any more.
  cluster_log end();

private:
  class conductor;
  explicit cluster(std::unique_ptr<conductor> made);
  std::unique_ptr<conductor> conductor_;
};

}  // namespace troupe::chaos
