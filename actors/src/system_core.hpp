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
#include "remoting.hpp"
#include "runtime.hpp"
#include "troupe/actors/supervisor_spec.hpp"
#include "troupe/system.hpp"

namespace troupe {

/// A model as `system_core::load` leaves it.
struct loaded_model {
  graph interface;  ///< inputs, outputs and metadata only
  std::string id;   ///< of the model's supervisor below the root
  std::size_t stages = 1;
  std::shared_ptr<model_core> core;
};

/// What a system owns; models refer to it weakly.
struct system_core : std::enable_shared_from_this<system_core> {
  system_options options;
  std::shared_ptr<const operator_table> operators;
  device_info device;
  std::unique_ptr<runtime_config> config;
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<remoting> links;
  std::shared_ptr<ability_source> ability;  ///< of this process's device
  std::unique_ptr<neighbourhood> around;
  caf::actor root;
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
  result<loaded_model> load(std::span<const graph> networks, const load_options& options);
  result<placement_plan> plan(const graph& network, const load_options& options);
  /// What the planner may choose from, numbered as `present`, which `hosts` gave.
  result<std::vector<planning_node>> planning_nodes(const std::vector<caf::actor>& present,
                                                    const planning_wishes& wishes, time_point deadline);
  void unload(const std::string& id);
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
  child_spec membership_child(std::function<void(bool)> started);
  /// Sends to the coordinators of all models.
  template <class Message>
  void tell_coordinators(const Message& message);
};

}  // namespace troupe
