#include "system_core.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <random>
#include <thread>

#include "aggregator.hpp"
#include "coordinator.hpp"
#include "host_side.hpp"
#include "node.hpp"
#include "node_survey.hpp"
#include "parameter_store.hpp"
#include "slowed_device.hpp"
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

/// The plan with its wishes for hosts renumbered: a coordinator that is started again finds others than were planned
/// with. This process is the last one in both lists.
std::shared_ptr<const plan> for_hosts(const std::shared_ptr<const plan>& layout,
                                      const std::vector<caf::actor_addr>& planned, const std::vector<caf::actor>& now) {
  auto made = std::make_shared<plan>(*layout);
  for (plan_part& part : made->parts) {
    if (!part.host) continue;
    const std::uint32_t wished = *std::exchange(part.host, std::nullopt);
    for (std::uint32_t host = 0; host < now.size(); ++host)
      if (wished + 1 == planned.size() ? host + 1 == now.size() : now[host].address() == planned[wished])
        part.host = host;
  }
  return made;
}

/// What the hosts that are there now were planned with.
std::vector<std::optional<planning_node>> abilities_of(const plan& layout, const std::vector<caf::actor_addr>& planned,
                                                       const std::vector<caf::actor>& now) {
  std::vector<std::optional<planning_node>> known(now.size());
  if (!layout.placement) return known;
  const auto& nodes = layout.placement->nodes;
  for (std::size_t host = 0; host < now.size(); ++host)
    for (std::size_t k = 0; k < std::min(nodes.size(), planned.size()); ++k)
      if (k + 1 == planned.size() ? host + 1 == now.size() : now[host].address() == planned[k]) known[host] = nodes[k];
  return known;
}

}  // namespace

model_version::~model_version() {
  core->close(error(errc::unavailable, "the model was unloaded"));
  const host_scope scope;
  if (const auto alive = caf::actor_cast<caf::actor>(root)) caf::anon_send(alive, terminate_child{id});
}

std::uint64_t system_core::random_id() const {
  if (machine.random) return machine.random();
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) ^ source();
}

result<void> system_core::start() {
  const host_scope scope;
  awaited<bool> started, membership_started;
  TROUPE_CHECK(start_actors(started.setter(), membership_started.setter()));
  const time_point start_deadline = steady_clock::now() + stop_patience;
  if (!started.wait_until(start_deadline) || !membership_started.wait_until(start_deadline))
    return error(errc::internal, "the node actor did not start");

  around = std::make_unique<neighbourhood>(*actors, *links, options.state_directory);
  if (std::find(options.nodes.begin(), options.nodes.end(), automatic_nodes) != options.nodes.end()) {
    if (options.nodes.size() > 1)
      return error(errc::invalid_argument, "the node \"auto\" stands for all that are found; name no others besides");
    TROUPE_TRY(options.nodes, around->usable());
  }
  for (const std::string& address : options.nodes)
    if (auto linked = add_node(address); !linked)
      return std::move(linked).error().while_doing(fmt::format("connecting to node {}", address));
  return {};
}

result<void> system_core::start_actors(std::function<void(bool)> node_started,
                                       std::function<void(bool)> membership_started) {
  actors = machine.actors;
  if (!actors) {
    config = std::make_unique<runtime_config>(runtime_options{.threads = options.threads == 0 ? 2 : options.threads});
    actors = std::make_shared<caf::actor_system>(*config);
  }
  links = std::make_unique<remoting>(
      *actors,
      remoting_options{.name = options.name, .state_directory = options.state_directory, .network = machine.network});

  child_spec store_child;
  store_child.id = "weights";
  store_child.probe = probe_policy{};
  store_child.start =
      [self = weak_from_this(),
       made = parameter_store_options{weights, options.weights_directory, options.weights_bytes_max,
                                      machine.available_memory}](caf::event_based_actor* parent) -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};  // the system is being destroyed
    const caf::actor handle = spawn_parameter_store(parent, made);
    const std::lock_guard lock(core->mutex);
    core->store = handle;
    return handle;
  };

  device_opener open = machine.open_device;
  if (!open)
    open = [selector = options.device, devices = options.devices, table = operators,
            slowdown = options.slowdown]() -> result<std::shared_ptr<troupe::device>> {
      TROUPE_TRY(auto opened, open_device(selector, table, devices));
      return slowed(std::move(opened), slowdown);
    };
  ability = std::make_shared<ability_source>(open, options.state_directory);
  child_spec node_child;
  node_child.id = "node";
  node_child.shutdown = std::chrono::seconds(3);  // its parts stop their devices first
  node_child.start = [made = node_options{options.name,
                                          open,
                                          operators,
                                          options.on_event,
                                          options.allow_fault_injection,
                                          links.get(),
                                          present_store(),
                                          ability,
                                          {static_cast<std::uint32_t>(device.index), device.name, device.type,
                                           device.driver, device.memory_bytes}},
                      self = weak_from_this(),
                      first = std::make_shared<std::function<void(bool)>>(std::move(node_started))](
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
  top.children.push_back(membership_child(std::move(membership_started)));
  top.children.push_back(std::move(store_child));
  TROUPE_TRY(root, spawn_supervisor(*actors, std::move(top), options.on_event));
  return {};
}

child_spec system_core::membership_child(std::function<void(bool)> started) {
  child_spec child;
  child.id = "membership";
  child.probe = probe_policy{};
  child.start = [self = weak_from_this(), seed = random_id(),
                 first = std::make_shared<std::function<void(bool)>>(std::move(started))](
                    caf::event_based_actor* parent) -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};  // the system is being destroyed
    membership_options made;
    made.links = core->links.get();
    made.seed = seed;
    made.on_change = [self](std::vector<member_view> now) {
      const auto alive = self.lock();
      if (!alive) return;
      const std::lock_guard lock(alive->mutex);
      alive->members.swap(now);
    };
    made.on_joined = [self](const caf::actor& joined) {
      if (const auto alive = self.lock()) alive->tell_coordinators(host_joined_msg{joined});
    };
    made.on_retiring = [self](const caf::actor& retiring) {
      if (const auto alive = self.lock()) alive->tell_coordinators(host_retiring_msg{retiring});
    };
    {
      const std::lock_guard lock(core->mutex);
      for (const member_view& member : core->members) made.addresses.push_back(member.address);
    }
    const caf::actor handle = spawn_membership(parent, std::move(made));
    {
      const std::lock_guard lock(core->mutex);
      core->membership = handle;
    }
    if (const auto tell_host = std::exchange(*first, nullptr)) tell_host(true);
    return handle;
  };
  return child;
}

template <class Message>
void system_core::tell_coordinators(const Message& message) {
  std::vector<std::shared_ptr<model_core>> open;
  {
    const std::lock_guard lock(mutex);
    for (const auto& [id, held] : models)
      if (auto shared = held.lock()) open.push_back(std::move(shared));
  }
  for (const auto& each : open)
    if (const caf::actor coordinator = each->coordinator()) caf::anon_send(coordinator, message);
}

result<void> system_core::add_node(const std::string& address) {
  const host_scope scope;
  awaited<result<void>> done;
  {
    const std::lock_guard lock(mutex);
    caf::anon_send(membership, add_member_msg{address, done.setter()});
  }
  auto outcome = done.wait_until(steady_clock::now() + 2 * connect_patience + answer_grace);
  if (!outcome) return fail(errc::deadline_exceeded, "the node {} was not linked in time", address);
  return std::move(*outcome);
}

result<void> system_core::remove_node(const std::string& address) {
  const host_scope scope;
  awaited<result<void>> done;
  {
    const std::lock_guard lock(mutex);
    caf::anon_send(membership, remove_member_msg{address, done.setter()});
  }
  auto outcome = done.wait_until(steady_clock::now() + describe_patience);
  if (!outcome) return fail(errc::deadline_exceeded, "the node {} was not removed in time", address);
  return std::move(*outcome);
}

result<void> system_core::leave(std::chrono::milliseconds patience) {
  caf::actor own;
  {
    const std::lock_guard lock(mutex);
    own = node;
  }
  auto left = ask_from_host<ok_atom>(*actors, own, patience, leave_atom::value);
  if (!left) return std::move(left).error().while_doing("handing the parts of this node to others");
  return {};
}

system_core::model_actors system_core::make_model(const std::shared_ptr<const troupe::plan>& layout,
                                                  const std::vector<caf::actor>& present,
                                                  std::function<void(const load_progress&)> on_progress,
                                                  std::uint64_t version) {
  const auto shared = std::make_shared<model_core>(layout->stateful, version);
  const auto loaded = std::make_shared<model_version>();
  loaded->number = version;
  loaded->stages = layout->stages;
  loaded->core = shared;
  loaded->root = root.address();
  {
    const std::lock_guard lock(mutex);
    loaded->id = fmt::format("model {}", ++models_made);
    std::erase_if(models, [](const auto& each) { return each.second.expired(); });
    models[loaded->id] = shared;
  }

  supervisor_spec family;
  family.name = loaded->id;
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
  std::vector<caf::actor_addr> planned_hosts;
  for (const caf::actor& host : present) planned_hosts.push_back(host.address());
  coordinator_child.start = [layout, shared, planned_hosts, self = weak_from_this(), restarts = options.restarts,
                             on_progress = std::move(on_progress)](caf::event_based_actor* parent) -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};
    const std::vector<caf::actor> now = core->hosts();
    const caf::actor handle =
        spawn_coordinator(parent, {core->random_id(), for_hosts(layout, planned_hosts, now), now,
                                   abilities_of(*layout, planned_hosts, now), shared->aggregator(), restarts,
                                   shared->first_state_epoch(), core->present_store(), on_progress});
    shared->coordinator_started(handle);
    // Also those that came before it could be told of them; it knows the others.
    std::vector<caf::actor> known = core->hosts();
    known.pop_back();
    for (const caf::actor& joined : known) caf::anon_send(handle, host_joined_msg{joined});
    return handle;
  };
  family.children.push_back(std::move(aggregator_child));
  family.children.push_back(std::move(coordinator_child));
  child_spec entry = supervised(std::move(family), options.on_event);
  entry.restart = restart_kind::temporary;  // a model whose actors cannot live is reported, not restarted for ever
  return {loaded, std::move(entry)};
}

void system_core::close_with(const caf::actor& family, const std::shared_ptr<model_core>& core) {
  family->attach_functor([core] {
    core->close(error(errc::unavailable, "the actors of the model ended more often than the limit allows"));
  });
}

result<std::shared_ptr<model_version>> system_core::load(std::span<const graph> networks, const load_options& wanted,
                                                         std::uint64_t version) {
  const time_point deadline = steady_clock::now() + wanted.deadline;
  load_options effective = wanted;
  // The reference device keeps everything in fp32; what crosses a cut must keep its bits as well.
  const std::vector<caf::actor> present = hosts();
  if (device.kind == device_kind::reference && present.size() == 1) effective.storage = dtype::f32;
  std::vector<planning_node> nodes;
  const bool planned = wanted.shards == 0 && !wanted.placement && wanted.parallel != parallel_mode::ensemble;
  if (planned && present.size() > 1) {
    TROUPE_TRY(nodes, planning_nodes(present, wanted.planning, deadline));
  }
  if (wanted.placement)
    for (const planned_part& part : wanted.placement->parts)
      if (part.node >= present.size())
        return fail(errc::invalid_argument, "the placement names node {}, but there are {} and this process", part.node,
                    present.size() - 1);
  TROUPE_TRY(troupe::plan made, make_plan(networks, effective, *operators, nodes));
  const auto layout = std::make_shared<const troupe::plan>(std::move(made));

  auto [loaded, entry] = make_model(layout, present, wanted.on_progress, version);
  const auto shared = loaded->core;
  auto family_handle = ask_from_host<caf::actor>(*actors, root, describe_patience,
                                                 start_child{std::make_shared<const child_spec>(std::move(entry))});
  if (!family_handle) return std::move(family_handle).error().while_doing("starting the actors of the model");
  close_with(*family_handle, shared);

  awaited<result<void>> ready;
  if (const caf::actor coordinator = shared->coordinator()) {
    const host_scope scope;
    caf::anon_send(coordinator, notify_ready_msg{ready.setter()});
  }
  auto outcome = ready.wait_until(deadline);
  if (outcome && *outcome) return loaded;
  if (outcome) return std::move(*outcome).error();
  return fail(errc::deadline_exceeded, "the parts of the model were not loaded within {} ms", wanted.deadline.count());
}

std::function<caf::actor()> system_core::present_store() {
  return [self = weak_from_this()]() -> caf::actor {
    const auto core = self.lock();
    if (!core) return {};
    const std::lock_guard lock(core->mutex);
    return core->store;
  };
}

result<placement_plan> system_core::plan(const graph& network, const load_options& wanted) {
  load_options effective = wanted;
  const std::vector<caf::actor> present = hosts();
  if (device.kind == device_kind::reference && present.size() == 1) effective.storage = dtype::f32;
  // Pipelines of a given length use this process only when there is no other.
  if (wanted.shards > 0) effective.planning.only_nodes = false;
  TROUPE_TRY(const auto nodes, planning_nodes(present, effective.planning, steady_clock::now() + wanted.deadline));
  return make_placement(network, effective, *operators, nodes);
}

result<std::vector<planning_node>> system_core::planning_nodes(const std::vector<caf::actor>& present,
                                                               const planning_wishes& wishes, time_point deadline) {
  std::vector<caf::actor> unknown;
  std::vector<std::string> addresses;
  const std::lock_guard surveying_lock(surveying);
  {
    const std::lock_guard lock(mutex);
    for (const member_view& member : members) {
      if (!member.node || surveyed.count(member.node.address()) != 0) continue;
      unknown.push_back(member.node);
      addresses.push_back(member.address);
    }
  }
  // A node that is lost or does not answer takes no part; the others still have to be given theirs in time.
  const time_point now = steady_clock::now();
  auto asked = survey_nodes(*actors, unknown, addresses, now + (deadline - now) / 2);
  std::map<caf::actor_addr, planning_node> unusable;
  for (std::size_t i = 0; i < asked.size(); ++i)
    (asked[i].unusable.empty() ? surveyed : unusable).emplace(unknown[i].address(), std::move(asked[i]));

  std::vector<planning_node> nodes;
  for (std::size_t i = 0; i + 1 < present.size(); ++i) {
    if (const auto known = surveyed.find(present[i].address()); known != surveyed.end())
      nodes.push_back(known->second);
    else if (const auto lost = unusable.find(present[i].address()); lost != unusable.end())
      nodes.push_back(lost->second);
    else
      nodes.push_back({"", {}, {}, "it left while it was planned with"});
  }
  if (wishes.only_nodes && !nodes.empty()) return nodes;
  auto own = ability->get();
  if (!own) return std::move(own).error().while_doing("measuring the device of this process");
  nodes.push_back({options.name, std::move(*own), {}});
  return nodes;
}

std::vector<caf::actor> system_core::hosts() {
  std::vector<caf::actor> all;
  const std::lock_guard lock(mutex);
  for (const member_view& member : members)
    if (member.node) all.push_back(member.node);
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
  decltype(members) others;
  {
    const std::lock_guard lock(mutex);
    others = members;
  }
  for (const member_view& member : others) {
    tree_node described{member.address, "node", member.state, {}, 0, {}};
    if (member.node) {
      auto status = ask_from_host<node_status_msg>(*actors, member.node, describe_patience, node_status_request_msg{});
      if (status)
        described = std::move(status->tree);
      else
        described.state = "not answering";
    }
    described.detail =
        described.detail.empty() ? member.address : fmt::format("{}; {}", member.address, described.detail);
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
  {
    const std::lock_guard lock(mutex);
    node = nullptr;
    store = nullptr;
    membership = nullptr;
    members.clear();
  }
  root = nullptr;
  // The runtime's destructor waits for every thread. Should one of them be stuck in a driver, it is given up: a leak is
  // better than a host program that does not end.
  awaited<bool> destroyed;
  std::thread([set = destroyed.setter(), runtime = std::move(actors), settings = std::move(config),
               kept = std::move(links)]() mutable {
    runtime.reset();
    kept.reset();  // an actor that ends late may still use its links
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
