#include "troupe/system.hpp"

#include <caf/send.hpp>

#include "host_side.hpp"
#include "model_structure.hpp"
#include "system_core.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

/// How long the coordinator may take to answer a question about itself.
constexpr std::chrono::seconds describe_patience{2};

result<void> check_system_options(const system_options& options) {
  if (options.name.empty() || options.name.size() > 64)
    return fail(errc::invalid_argument, "the system's name has {} characters; 1 to 64 are allowed",
                options.name.size());
  if (options.restarts.window.count() <= 0)
    return fail(errc::invalid_argument, "the restart window of {} ms is not positive", options.restarts.window.count());
  if (!(options.slowdown >= 1) || options.slowdown > 1e6)
    return fail(errc::invalid_argument, "a slowdown of {} is not between 1 and 1000000", options.slowdown);
  if (options.slowdown > 1 && !options.allow_fault_injection)
    return error(errc::invalid_argument,
                 "a slowdown is fault injection, which is off; set system_options::allow_fault_injection");
  return {};
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

/// Opens the device once, so that a wrong selector is reported by the call that made the system.
result<device_info> describe_device(const system_options& options, std::shared_ptr<const operator_table> operators) {
  device_options plain = options.devices;
  plain.fault_hook = nullptr;
  TROUPE_TRY(const auto opened, open_device(options.device, std::move(operators), plain));
  return opened->info();
}

}  // namespace

struct system::implementation {
  std::shared_ptr<system_core> core;
};

struct model::implementation {
  graph interface;
  std::vector<value_info> inputs, outputs;
  load_options options;
  std::optional<model_structure> structure;  ///< what a published network must have; nothing: takes none
  std::mutex publishing;                     ///< one at a time
  mutable std::mutex mutex;
  std::shared_ptr<model_version> current;              ///< guarded by `mutex`
  std::vector<std::weak_ptr<model_version>> replaced;  ///< guarded by `mutex`; some may still have requests

  std::shared_ptr<model_version> version() const {
    const std::lock_guard lock(mutex);
    return current;
  }
};

system::system(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
system::system(system&&) noexcept = default;
system& system::operator=(system&&) noexcept = default;
system::~system() = default;

result<system> system::make(system_options options) {
  TROUPE_CHECK(check_system_options(options));
  const auto core = std::make_shared<system_core>();
  core->operators = std::make_shared<const operator_table>(builtin_operators());
  TROUPE_TRY(core->device, describe_device(options, core->operators));
  core->options = std::move(options);
  TROUPE_CHECK(core->start());
  auto impl = std::make_unique<implementation>();
  impl->core = core;
  return system(std::move(impl));
}

result<model> system::load_networks(std::span<const graph> networks, const load_options& options) {
  model handle;
  handle.impl_ = std::make_shared<model::implementation>();
  TROUPE_TRY(handle.impl_->current, impl_->core->load(networks, options, 1));
  handle.impl_->interface = interface_of(networks[0]);
  for (const value_id id : handle.impl_->interface.inputs)
    handle.impl_->inputs.push_back(handle.impl_->interface.values[id]);
  for (const value_id id : handle.impl_->interface.outputs)
    handle.impl_->outputs.push_back(handle.impl_->interface.values[id]);
  handle.impl_->options = options;
  if (networks.size() == 1) handle.impl_->structure.emplace(networks[0]);
  return handle;
}

result<model> system::load(const graph& network, const load_options& options) {
  return load_networks({&network, 1}, options);
}

result<model> system::load(const std::filesystem::path& file, const load_options& options) {
  TROUPE_TRY(const graph network, import_onnx(file));
  return load(network, options).while_doing(fmt::format("loading {}", file.string()));
}

result<model> system::load_ensemble(std::span<const graph> networks, const load_options& options) {
  load_options joined = options;
  joined.parallel = parallel_mode::ensemble;
  return load_networks(networks, joined);
}

result<model> system::load_ensemble(std::span<const std::filesystem::path> files, const load_options& options) {
  std::vector<graph> networks;
  for (const auto& file : files) {
    TROUPE_TRY(graph network, import_onnx(file));
    networks.push_back(std::move(network));
  }
  return load_ensemble(networks, options);
}

result<void> system::publish(const model& to, const graph& network) {
  model::implementation& held = *to.impl_;
  if (!held.structure)
    return error(errc::unsupported,
                 "new weights can be published to a model of one network, and not to an ensemble or to a handle that "
                 "stays at its version");
  TROUPE_CHECK(held.structure->check_same(network).while_doing("publishing new weights"));
  const std::lock_guard one_at_a_time(held.publishing);
  TROUPE_TRY(auto loaded, impl_->core->load({&network, 1}, held.options, held.version()->number + 1));
  const std::lock_guard lock(held.mutex);
  std::erase_if(held.replaced, [](const auto& each) { return each.expired(); });
  held.replaced.push_back(held.current);
  held.current.swap(loaded);  // the old version ends with its last request, after the lock
  return {};
}

result<void> system::publish(const model& to, const std::filesystem::path& file) {
  TROUPE_TRY(const graph network, import_onnx(file));
  return publish(to, network).while_doing(fmt::format("publishing {}", file.string()));
}

result<placement_plan> system::plan(const graph& network, const load_options& options) {
  return impl_->core->plan(network, options);
}

result<std::uint16_t> system::listen(std::string_view address) {
  TROUPE_TRY(const std::uint16_t port, impl_->core->links->listen(address));
  impl_->core->around->announce(address, port);
  return port;
}

result<std::vector<found_node>> system::find_nodes(std::chrono::milliseconds patience) {
  return impl_->core->around->find(patience);
}

result<void> system::add_node(const std::string& address) {
  return impl_->core->add_node(address);
}

result<void> system::remove_node(const std::string& address) {
  return impl_->core->remove_node(address);
}

result<void> system::leave(std::chrono::milliseconds patience) {
  return impl_->core->leave(patience);
}

tree_node system::tree() const {
  return impl_->core->tree();
}

const device_info& system::default_device() const noexcept {
  return impl_->core->device;
}

result<void> system::kill_part(const model& of, std::uint32_t part) {
  if (!impl_->core->options.allow_fault_injection)
    return error(errc::invalid_argument, "fault injection is off; set system_options::allow_fault_injection");
  const caf::actor coordinator = of.impl_->version()->core->coordinator();
  if (!coordinator) return error(errc::unavailable, "the model has no coordinator now");
  const host_scope scope;
  awaited<result<void>> done;
  caf::anon_send(coordinator, inject_kill_msg{part, done.setter()});
  auto outcome = done.wait_until(steady_clock::now() + describe_patience);
  if (!outcome) return error(errc::deadline_exceeded, "the coordinator did not answer in time");
  return std::move(*outcome);
}

const std::vector<value_info>& model::inputs() const noexcept {
  return impl_->inputs;
}
const std::vector<value_info>& model::outputs() const noexcept {
  return impl_->outputs;
}
const std::map<std::string, std::string>& model::metadata() const noexcept {
  return impl_->interface.metadata;
}

run_id model::submit(std::vector<tensor> inputs, const run_options& options,
                     std::function<void(result<run_result>)> done) const {
  if (auto fits = check_inputs(impl_->interface, inputs); !fits) {
    done(std::move(fits).error());
    return 0;
  }
  const host_scope scope;
  const auto version = impl_->version();
  return version->core->submit(std::move(inputs), steady_clock::now() + options.deadline, options.state_epoch,
                               [version, done = std::move(done)](result<run_result> outcome) {
                                 if (outcome) outcome->version = version->number;
                                 done(std::move(outcome));
                               });
}

void model::cancel(run_id which) const {
  const host_scope scope;
  std::vector<std::shared_ptr<model_version>> versions{impl_->version()};
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& each : impl_->replaced)
      if (auto alive = each.lock()) versions.push_back(std::move(alive));
  }
  for (const auto& each : versions) each->core->cancel(which);
}

std::size_t model::stages() const noexcept {
  return impl_->version()->stages;
}

result<run_result> model::run(std::span<const tensor> inputs, const run_options& options) const {
  awaited<result<run_result>> answer;
  submit({inputs.begin(), inputs.end()}, options, answer.setter());
  auto outcome = answer.wait_until(steady_clock::now() + options.deadline + answer_grace);
  if (!outcome) return fail(errc::deadline_exceeded, "no answer came within {} ms", options.deadline.count());
  return std::move(*outcome);
}

model model::at_this_version() const {
  model handle;
  handle.impl_ = std::make_shared<implementation>();
  handle.impl_->interface = impl_->interface;
  handle.impl_->inputs = impl_->inputs;
  handle.impl_->outputs = impl_->outputs;
  handle.impl_->current = impl_->version();
  return handle;
}

result<std::vector<part_placement>> model::placement() const {
  const caf::actor coordinator = impl_->version()->core->coordinator();
  if (!coordinator) return error(errc::unavailable, "the model has no coordinator now");
  const host_scope scope;
  awaited<std::vector<part_placement>> found;
  caf::anon_send(coordinator, placement_request_msg{found.setter()});
  auto placements = found.wait_until(steady_clock::now() + describe_patience);
  if (!placements) return error(errc::deadline_exceeded, "the coordinator did not answer in time");
  return std::move(*placements);
}

}  // namespace troupe
