#include "troupe/system.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <future>
#include <random>
#include <thread>

#include "aggregator.hpp"
#include "coordinator.hpp"
#include "error_conversion.hpp"
#include "model_core.hpp"
#include "node.hpp"
#include "remoting.hpp"
#include "runtime.hpp"
#include "troupe/actors/supervisor.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// What the destructor of a system may take before it gives the runtime's threads up and says so.
constexpr std::chrono::seconds stop_patience{5};
/// Connecting to one node given in the options.
constexpr std::chrono::seconds connect_patience{5};
/// Asking actors about themselves.
constexpr std::chrono::seconds describe_patience{2};
/// An answer that is due at the deadline may arrive a little after it.
constexpr std::chrono::seconds answer_grace{1};

/// A number that no other process uses by chance: plans of several coordinators meet on one node.
std::uint64_t random_id() {
  std::random_device source;
  return (static_cast<std::uint64_t>(source()) << 32) ^ source();
}

/// A value that arrives from another thread, or not at all.
template <class T>
class awaited {
public:
  awaited() : promise_(std::make_shared<std::promise<T>>()), future_(promise_->get_future()) {}
  /// To be called once, from any thread.
  std::function<void(T)> setter() const {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  std::optional<T> wait_until(time_point deadline) {
    if (future_.wait_until(deadline) != std::future_status::ready) return std::nullopt;
    return future_.get();
  }

private:
  std::shared_ptr<std::promise<T>> promise_;
  std::future<T> future_;
};

}  // namespace

/// What a system owns; models refer to it weakly.
struct system_core {
  system_options options;
  std::shared_ptr<const operator_table> operators;
  device_info default_device;
  std::unique_ptr<caf::actor_system_config> config;
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<remoting> links;
  caf::actor root, node;
  std::vector<caf::actor> remote_nodes;
  std::atomic<std::uint64_t> models{0};

  ~system_core() { stop(); }
  void stop();
};

struct system::implementation {
  std::shared_ptr<system_core> core;
};

struct model::implementation {
  graph interface_only;  ///< inputs, outputs and metadata of the network, without nodes and weights
  std::vector<value_info> inputs, outputs;
  std::shared_ptr<model_core> core;
  std::weak_ptr<system_core> owner;
  std::string id;  ///< of the model's supervisor below the root

  ~implementation();
};

}  // namespace troupe

namespace troupe {
namespace {

result<void> check_system_options(const system_options& options) {
  if (options.name.empty() || options.name.size() > 64)
    return fail(errc::invalid_argument, "the system's name has {} characters; 1 to 64 are allowed", options.name.size());
  if (options.restarts.window.count() <= 0)
    return fail(errc::invalid_argument, "the restart window of {} ms is not positive", options.restarts.window.count());
  return {};
}

/// Opens the device once, so that a wrong selector is reported by the call that made the system.
result<device_info> describe_device(const system_options& options, std::shared_ptr<const operator_table> operators) {
  device_options plain = options.devices;
  plain.fault_hook = nullptr;
  TROUPE_TRY(const auto opened, open_device(options.device, std::move(operators), plain));
  return opened->info();
}

device_opener opener_of(const system_options& options, const std::shared_ptr<const operator_table>& operators) {
  return [selector = options.device, devices = options.devices, operators] {
    return open_device(selector, operators, devices);
  };
}

}  // namespace

result<system> system::make(system_options options) {
  TROUPE_CHECK(check_system_options(options));
  const auto core = std::make_shared<system_core>();
  core->operators = std::make_shared<const operator_table>(builtin_operators());
  TROUPE_TRY(core->default_device, describe_device(options, core->operators));
  core->options = std::move(options);

  const host_scope scope;
  core->config = make_actor_system_config(core->options.threads == 0 ? 2 : core->options.threads);
  core->actors = std::make_unique<caf::actor_system>(*core->config);
  core->links = std::make_unique<remoting>(*core->actors, remoting_options{core->options.name});

  supervisor_spec root;
  root.name = "root";
  root.restarts_max = constants::intensity_root.restarts_max;
  root.window = constants::intensity_root.window;
  child_spec node;
  node.id = "node";
  awaited<caf::actor> node_started;
  node.start = [options = node_options{core->options.name, opener_of(core->options, core->operators), core->options.on_event,
                                       core->options.allow_fault_injection, core->links.get()},
                links = core->links.get(), set = std::make_shared<std::function<void(caf::actor)>>(node_started.setter())](
                   caf::event_based_actor* parent) {
    const caf::actor started = spawn_node(parent, options);
    links->publish_node(started);
    if (const auto first = std::exchange(*set, nullptr)) first(started);
    return started;
  };
  root.children.push_back(std::move(node));
  TROUPE_TRY(core->root, spawn_supervisor(*core->actors, std::move(root), core->options.on_event));
  const auto started = node_started.wait_until(steady_clock::now() + stop_patience);
  if (!started) return error(errc::internal, "the node actor did not start");
  core->node = *started;

  for (const std::string& address : core->options.nodes) {
    auto linked = core->links->connect(address, steady_clock::now() + connect_patience);
    if (!linked) return std::move(linked).error().while_doing(fmt::format("connecting to node {}", address));
    core->remote_nodes.push_back(std::move(linked).value());
  }
  // Stages on different nodes talk to each other directly.
  for (std::size_t i = 0; i < core->remote_nodes.size(); ++i)
    for (std::size_t j = i + 1; j < core->remote_nodes.size(); ++j) {
      TROUPE_CHECK((ask<ok_atom>(*core, core->remote_nodes[i], connect_patience, connect_peer_msg{core->options.nodes[j]})));
    }

  auto impl = std::make_unique<implementation>();
  impl->core = core;
  return system(std::move(impl));
}

}  // namespace troupe
