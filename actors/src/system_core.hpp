// What stands behind the facade: the actor system, its root supervisor, its node, its links, and the models that live
// in it.
#pragma once

#include <caf/actor_system.hpp>
#include <map>
#include <mutex>

#include "ability_source.hpp"
#include "membership.hpp"
#include "model_core.hpp"
#include "neighbourhood.hpp"
#include "plan.hpp"
#include "remoting.hpp"
#include "runtime.hpp"
#include "shard.hpp"
#include "troupe/actors/supervisor_spec.hpp"
#include "troupe/system.hpp"
#include "weight_registry.hpp"

namespace troupe {

/// One version of a model's weights, as its actors run it. Handles and requests keep it alive; with the last of them it
/// is unloaded.
struct model_version {
  std::uint64_t number = 1;
  std::string id;        ///< of its supervisor below the root
  caf::actor_addr root;  ///< which may have ended before
  std::size_t stages = 1;
  std::shared_ptr<model_core> core;

  /// From any thread, an actor's among them: never waits.
  ~model_version();
};

/// What a system takes from the machine that it runs on. A simulator gives its own; whatever is empty is the real
/// thing.
struct surroundings {
  std::shared_ptr<caf::actor_system> actors;
  std::shared_ptr<wire::link_network> network;
  device_opener open_device;
  std::function<std::uint64_t()> random;
  std::function<std::uint64_t()> available_memory;
};

/// What a system owns; models refer to it weakly.
struct system_core : std::enable_shared_from_this<system_core> {
  system_options options;
  surroundings machine;
  std::shared_ptr<const operator_table> operators;
  device_info device;
  std::unique_ptr<runtime_config> config;
  std::shared_ptr<caf::actor_system> actors;
  std::unique_ptr<remoting> links;
  const std::shared_ptr<weight_registry> weights = std::make_shared<weight_registry>();
  std::shared_ptr<ability_source> ability;  ///< of this process's device
  std::unique_ptr<neighbourhood> around;
  caf::actor root;
  caf::actor store;                  ///< of this process; another after a restart. Guarded by `mutex`
  caf::actor node;                   ///< of this process; another after a restart. Guarded by `mutex`
  caf::actor membership;             ///< another after a restart. Guarded by `mutex`
  std::vector<member_view> members;  ///< other nodes. Guarded by `mutex`
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<model_core>> models;
  std::uint64_t models_made = 0;
  std::map<caf::actor_addr, planning_node> surveyed;  ///< other nodes, once they were asked. Guarded by `surveying`
  std::mutex surveying;

  ~system_core() { stop(); }
  /// Starts everything that `options`, `operators` and `device` ask for.
  result<void> start();
  /// The part of it that does not wait: these are called, from actor threads, when their actors are there.
  result<void> start_actors(std::function<void(bool)> node_started, std::function<void(bool)> membership_started);
  /// The actors of a version of a model, to be started below the root; `entry` starts them.
  struct model_actors {
    std::shared_ptr<model_version> version;
    child_spec entry;
  };
  /// `present`: the hosts that the plan was made for.
  model_actors make_model(const std::shared_ptr<const troupe::plan>& layout, const std::vector<caf::actor>& present,
                          std::function<void(const load_progress&)> on_progress, std::uint64_t version);
  /// To be called with the supervisor that `entry` made: without it nobody answers for the model.
  static void close_with(const caf::actor& family, const std::shared_ptr<model_core>& core);
  /// `version` is the number that the version gets.
  result<std::shared_ptr<model_version>> load(std::span<const graph> networks, const load_options& options,
                                              std::uint64_t version);
  /// Gives the parameter store of this process as it is when called; nothing while there is none.
  std::function<caf::actor()> present_store();
  result<placement_plan> plan(const graph& network, const load_options& options);
  /// What the planner may choose from, numbered as `present`, which `hosts` gave.
  result<std::vector<planning_node>> planning_nodes(const std::vector<caf::actor>& present,
                                                    const planning_wishes& wishes, time_point deadline);
  /// Other nodes that are up, then this process's own as it is now.
  std::vector<caf::actor> hosts();
  /// See `system::add_node` and `system::remove_node`.
  result<void> add_node(const std::string& address);
  result<void> remove_node(const std::string& address);
  /// See `system::leave`.
  result<void> leave(std::chrono::milliseconds patience);
  tree_node tree();
  /// Ends everything within a few seconds, whatever state it is in. Idempotent.
  void stop();

private:
  /// A number that no other process uses by chance: plans of several coordinators meet on one node.
  std::uint64_t random_id() const;
  child_spec membership_child(std::function<void(bool)> started);
  /// Sends to the coordinators of all models.
  template <class Message>
  void tell_coordinators(const Message& message);
};

}  // namespace troupe
