#include "system_core.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <random>
#include <thread>

#include "aggregator.hpp"
#include "coordinator.hpp"
#include "host_side.hpp"
#include "node.hpp"
#include "tree_conversion.hpp"
#include "troupe/actors/messages.hpp"
#include "troupe/actors/supervisor.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// What the destructor of a system may take before it gives the runtime's threads up and says so.
constexpr std::chrono::seconds stop_patience{5};
/// Connecting to one node given in the options.
constexpr std::chrono::seconds connect_patience{5};
/// Asking actors about themselves.
constexpr std::chrono::seconds describe_patience{2};

/// A number that no other process uses by chance: plans of several coordinators meet on one node.
std::uint64_t random_id() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) ^ source();
}

/// The model's inputs, outputs and notes without its nodes and weights, for checking what callers give.
graph interface_of(const graph& network) {
  graph made;
  made.name = network.name;
  made.metadata = network.metadata;
  for (const value_id id : network.inputs) made.inputs.push_back(made.add_value(network.values[id]));
  for (const value_id id : network.outputs) made.outputs.push_back(made.add_value(network.values[id]));
  return made;
}

}  // namespace

result<void> system_core::start() {
  const host_scope scope;
  config = std::make_unique<runtime_config>(runtime_options{.threads = options.threads == 0 ? 2 : options.threads});
  actors = std::make_unique<caf::actor_system>(*config);
  links = std::make_unique<remoting>(*actors, remoting_options{options.name});

  awaited<bool> started;
  child_spec node_child;
  node_child.id = "node";
  node_child.shutdown = std::chrono::seconds(3);  // its parts stop their devices first
  node_child.start = [made = node_options{options.name,
                                          [selector = options.device, devices = options.devices, table = operators] {
                                            return open_device(selector, table, devices);
                                          },
                                          options.on_event,
                                          options.allow_fault_injection,
                                          links.get(),
                                          {static_cast<std::uint32_t>(device.index), device.name, device.type,
                                           device.driver, device.memory_bytes}},
                      self = weak_from_this(), first = std::make_shared<std::function<void(bool)>>(started.setter())](
                         caf::event_based_actor* parent) -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};  // the system is being destroyed
    const caf::actor handle = spawn_node(parent, made);
    made.links->publish_node(handle);
    {
      const std::lock_guard lock(core->mutex);
      core->node = handle;
    }
    if (const auto tell_host = std::exchange(*first, nullptr)) tell_host(true);
    return handle;
  };
  supervisor_spec top;
  top.name = "root";
  top.restarts_max = constants::intensity_root.restarts_max;
  top.window = constants::intensity_root.window;
  top.children.push_back(std::move(node_child));
  TROUPE_TRY(root, spawn_supervisor(*actors, std::move(top), options.on_event));
  if (!started.wait_until(steady_clock::now() + stop_patience))
    return error(errc::internal, "the node actor did not start");

  around = std::make_unique<neighbourhood>(*actors, *links, options.state_directory);
  if (std::find(options.nodes.begin(), options.nodes.end(), automatic_nodes) != options.nodes.end()) {
    if (options.nodes.size() > 1)
      return error(errc::invalid_argument, "the node \"auto\" stands for all that are found; name no others besides");
    TROUPE_TRY(options.nodes, around->usable());
  }
  for (const std::string& address : options.nodes) {
    auto linked = links->connect(address, steady_clock::now() + connect_patience);
    if (!linked) return std::move(linked).error().while_doing(fmt::format("connecting to node {}", address));
    remote_nodes.push_back(std::move(linked).value());
  }
  // Stages on different nodes talk to each other directly.
  for (std::size_t i = 0; i < remote_nodes.size(); ++i)
    for (std::size_t j = i + 1; j < remote_nodes.size(); ++j) {
      auto joined =
          ask_from_host<ok_atom>(*actors, remote_nodes[i], connect_patience, connect_peer_msg{options.nodes[j]});
      if (!joined)
        return std::move(joined).error().while_doing(
            fmt::format("connecting node {} to node {}", options.nodes[i], options.nodes[j]));
    }
  return {};
}

result<loaded_model> system_core::load(std::span<const graph> networks, const load_options& wanted) {
  const time_point deadline = steady_clock::now() + wanted.deadline;
  load_options effective = wanted;
  // The reference device keeps everything in fp32; what crosses a cut must keep its bits as well.
  if (device.kind == device_kind::reference && remote_nodes.empty()) effective.storage = dtype::f32;
  TROUPE_TRY(plan made, make_plan(networks, effective, *operators));
  const auto layout = std::make_shared<const plan>(std::move(made));

  const auto shared = std::make_shared<model_core>(layout->stateful);
  loaded_model loaded{interface_of(networks[0]), {}, shared};
  {
    const std::lock_guard lock(mutex);
    loaded.id = fmt::format("model {}", ++models_made);
    models[loaded.id] = shared;
  }

  supervisor_spec family;
  family.name = loaded.id;
  family.restarts_max = constants::intensity_node.restarts_max;
  family.window = constants::intensity_node.window;
  child_spec aggregator_child;
  aggregator_child.id = "aggregator";
  aggregator_child.probe = probe_policy{};
  aggregator_child.start = [layout, shared](caf::event_based_actor* parent) {
    const caf::actor handle = spawn_aggregator(parent, layout);
    shared->aggregator_started(handle);
    return handle;
  };
  child_spec coordinator_child;
  coordinator_child.id = "coordinator";
  coordinator_child.probe = probe_policy{};
  coordinator_child.start = [layout, shared, self = weak_from_this(),
                             restarts = options.restarts](caf::event_based_actor* parent) -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};
    const caf::actor handle = spawn_coordinator(
        parent, {random_id(), layout, core->hosts(), shared->aggregator(), restarts, shared->first_state_epoch()});
    shared->coordinator_started(handle);
    return handle;
  };
  family.children.push_back(std::move(aggregator_child));
  family.children.push_back(std::move(coordinator_child));
  child_spec entry = supervised(std::move(family), options.on_event);
  entry.restart = restart_kind::temporary;  // a model whose actors cannot live is reported, not restarted for ever

  auto family_handle = ask_from_host<caf::actor>(*actors, root, describe_patience,
                                                 start_child{std::make_shared<const child_spec>(std::move(entry))});
  if (!family_handle) return std::move(family_handle).error().while_doing("starting the actors of the model");
  (*family_handle)->attach_functor([shared] {
    shared->close(error(errc::unavailable, "the actors of the model ended more often than the limit allows"));
  });

  awaited<result<void>> ready;
  if (const caf::actor coordinator = shared->coordinator()) {
    const host_scope scope;
    caf::anon_send(coordinator, notify_ready_msg{ready.setter()});
  }
  auto outcome = ready.wait_until(deadline);
  if (outcome && *outcome) return loaded;
  unload(loaded.id);
  if (outcome) return std::move(*outcome).error();
  return fail(errc::deadline_exceeded, "the parts of the model were not loaded within {} ms", wanted.deadline.count());
}

void system_core::unload(const std::string& id) {
  if (!actors) return;
  {
    const std::lock_guard lock(mutex);
    models.erase(id);
  }
  const host_scope scope;
  if (root) caf::anon_send(root, terminate_child{id});
}

std::vector<caf::actor> system_core::hosts() {
  std::vector<caf::actor> all = remote_nodes;
  const std::lock_guard lock(mutex);
  all.push_back(node);
  return all;
}

tree_node system_core::tree() {
  tree_node top{options.name, "system", "not answering", device.name, 0, {}};
  auto snapshot = ask_from_host<tree_snapshot>(*actors, root, describe_patience, describe_tree{});
  if (!snapshot) return top;
  top.state = "up";
  for (const tree_snapshot& child : snapshot->children) {
    tree_node described = to_tree(child);
    if (child.name == "node") {
      auto status =
          ask_from_host<node_status_msg>(*actors, hosts().back(), describe_patience, node_status_request_msg{});
      if (status) {
        described.kind = status->tree.kind;
        described.detail = status->tree.detail;
        described.children = std::move(status->tree.children);
      }
    }
    top.children.push_back(std::move(described));
  }
  for (std::size_t i = 0; i < remote_nodes.size(); ++i) {
    auto status =
        ask_from_host<node_status_msg>(*actors, remote_nodes[i], describe_patience, node_status_request_msg{});
    tree_node described{"node", "node", "lost", {}, 0, {}};
    if (status) described = std::move(status->tree);
    described.detail = options.nodes[i];
    top.children.push_back(std::move(described));
  }
  return top;
}

void system_core::stop() {
  if (!actors) return;
  const host_scope scope;
  const time_point deadline = steady_clock::now() + stop_patience;
  decltype(models) open;
  {
    const std::lock_guard lock(mutex);
    open.swap(models);
  }
  for (const auto& [id, held] : open)
    if (const auto shared = held.lock()) shared->close(error(errc::unavailable, "the system was stopped"));
  if (root) {
    awaited<bool> ended;
    root->attach_functor([set = ended.setter()] { set(true); });
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
    (void)ended.wait_until(deadline);
  }
  around.reset();
  if (links) links->stop();
  remote_nodes.clear();
  {
    const std::lock_guard lock(mutex);
    node = nullptr;
  }
  root = nullptr;
  // The runtime's destructor waits for every thread. Should one of them be stuck in a driver, it is given up: a leak is
  // better than a host program that does not end.
  awaited<bool> destroyed;
  std::thread([set = destroyed.setter(), runtime = std::move(actors), settings = std::move(config),
               kept = std::move(links)]() mutable {
    kept.reset();
    runtime.reset();
    settings.reset();
    set(true);
  }).detach();
  if (!destroyed.wait_until(deadline + std::chrono::seconds(1)) && options.on_event)
    options.on_event({.kind = supervision_event_kind::child_abandoned,
                      .time = steady_clock::now(),
                      .supervisor = "root",
                      .reason = "the runtime's threads did not end in time and are given up"});
}

}  // namespace troupe
