// What stands behind the facade: the actor system, its root supervisor, its node, its links, and the models that live
// in it.
#pragma once

#include <caf/actor_system.hpp>
#include <map>
#include <mutex>

#include "membership.hpp"
#include "model_core.hpp"
#include "neighbourhood.hpp"
#include "remoting.hpp"
#include "runtime.hpp"
#include "troupe/actors/supervisor_spec.hpp"
#include "troupe/system.hpp"
#include "weight_registry.hpp"

namespace troupe {

/// One version of a model's weights, as its actors run it. Handles and requests keep it alive; with the last of them it
/// is unloaded.
struct model_version {
  std::uint64_t number = 1;
  std::size_t stages = 1;
  std::string id;        ///< of its supervisor below the root
  caf::actor_addr root;  ///< which may have ended before
  std::shared_ptr<model_core> core;

  /// From any thread, an actor's among them: never waits.
  ~model_version();
};

/// What a system owns; models refer to it weakly.
struct system_core : std::enable_shared_from_this<system_core> {
  system_options options;
  std::shared_ptr<const operator_table> operators;
  device_info device;
  std::unique_ptr<runtime_config> config;
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<remoting> links;
  const std::shared_ptr<weight_registry> weights = std::make_shared<weight_registry>();
  std::unique_ptr<neighbourhood> around;
  caf::actor root;
  caf::actor store;                  ///< of this process; another after a restart. Guarded by `mutex`
  caf::actor node;                   ///< of this process; another after a restart. Guarded by `mutex`
  caf::actor membership;             ///< another after a restart. Guarded by `mutex`
  std::vector<member_view> members;  ///< other nodes. Guarded by `mutex`
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<model_core>> models;
  std::uint64_t models_made = 0;

  ~system_core() { stop(); }
  /// Starts everything that `options`, `operators` and `device` ask for.
  result<void> start();
  /// `version` is the number that the version gets.
  result<std::shared_ptr<model_version>> load(std::span<const graph> networks, const load_options& options,
                                              std::uint64_t version);
  /// Gives the parameter store of this process as it is when called; nothing while there is none.
  std::function<caf::actor()> present_store();
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
