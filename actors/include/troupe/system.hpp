// Troupe as an embedding program sees it: make a system, load a model, run it. Values and handles only; everything
// behind them is supervised, and no call here ends the host, blocks without a limit or throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "troupe/actors/supervision_event.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/planner.hpp"
#include "troupe/engine/result.hpp"
#include "troupe/engine/tensor.hpp"
#include "troupe/found_node.hpp"
#include "troupe/tree.hpp"

namespace troupe {

/// How a model is spread.
enum class parallel_mode : std::uint8_t {
  pipeline,  ///< consecutive parts of the network, one a shard
  tensor,    ///< a slice of every operator on each shard; they exchange partial results on the way
  data,      ///< the whole network on every shard; the batch is split
  ensemble,  ///< several models; the same input to all, outputs joined
};

/// How `data` divides a batch among replicas.
enum class split_policy : std::uint8_t {
  even,      ///< shares that differ by at most one row
  random,    ///< shares drawn from `load_options::seed`
  weighted,  ///< shares proportional to `load_options::weights`
  measured,  ///< so that all replicas end together, by what a row took on each; as the planner thinks, or even, at
             ///< first
};

/// How `ensemble` joins outputs.
enum class join_policy : std::uint8_t {
  mean,           ///< fp32 mean, summed in the order of the models
  weighted_mean,  ///< with `load_options::weights`, which are normalised to sum 1
  vote,           ///< arg-max of each model along the last axis; the output counts the votes of each class
  compare,  ///< the first model's, if all agree within `load_options::tolerance`; else an error names who does not
};

/// What the system does to stay alive before it gives up and reports.
struct restart_limits {
  std::uint32_t restarts_max = 5;  ///< restarts of one model's shards within `window`
  std::chrono::milliseconds window{30'000};
};

struct system_options {
  std::string name = "local";  ///< how this process calls itself to other nodes
  std::string device;          ///< as `open_device` takes it; empty: the best
  device_options devices;      ///< how devices are opened; its `fault_hook` is for tests
  std::size_t threads = 0;     ///< of the actor scheduler; 0: 2. Devices have threads of their own besides
  /// "host:port" of other nodes to place parts on; those on other machines have to be paired. Or "auto" alone: all
  /// nodes of this machine and of paired ones that are found on the local network, which takes up to 4 s.
  std::vector<std::string> nodes;
  /// Where this machine keeps its key and whom it is paired with. Empty: it keeps nothing, has no identity, and talks
  /// to nobody outside the loopback interface.
  std::filesystem::path state_directory;
  restart_limits restarts;
  /// Folder in which weights of models on other machines are kept, so that they are moved once; empty: they are kept in
  /// memory only, while parts need them.
  std::filesystem::path weights_directory;
  /// What that folder may hold; weights that were not used for longest go first.
  std::uint64_t weights_bytes_max = std::uint64_t{8} << 30;
  /// Fault injection: every run on this process's device takes so many times as long. Needs `allow_fault_injection`.
  double slowdown = 1;
  /// Takes orders that kill shards on purpose, from this program or from a peer. Off unless asked for.
  bool allow_fault_injection = false;
  /// Told what supervisors do, from actor threads; must not block. May be empty.
  std::function<void(const supervision_event&)> on_event;
};

/// How far the weights of one part are on their way to its node.
struct load_progress {
  std::uint32_t part = 0;
  std::uint64_t bytes_done = 0;   ///< in their place
  std::uint64_t bytes_total = 0;  ///< of the part's weights
  std::uint64_t bytes_moved = 0;  ///< of those done: over the network, and not found at the node
};

/// What the planner goes by (`load_options::shards` 0, `system::plan`); see docs/planning.md.
struct planning_wishes {
  /// Shapes that inputs are expected to have; none: extents that the model leaves open count as 1.
  std::vector<shape> inputs;
  std::size_t in_flight = 0;  ///< requests that will be under way at once; 0: enough to keep every part busy
  bool use_all = false;       ///< use every node, also one that makes it slower
  bool only_nodes = false;    ///< place nothing in this process as long as other nodes can do it
  bool fixed = false;         ///< parts stay where they are placed, however long their steps turn out to take there
};

struct load_options {
  parallel_mode parallel = parallel_mode::pipeline;
  /// Stages, slices or replicas, of about equal size. 0: as many as the planner finds best, each as large as its node
  /// is fast; one without other nodes. For `ensemble` the number of models decides.
  std::size_t shards = 1;
  planning_wishes planning;
  /// A plan that `system::plan` made, or what somebody made of it, to be carried out as it is.
  std::optional<placement_plan> placement;
  split_policy split = split_policy::even;
  join_policy join = join_policy::mean;
  std::vector<double> weights;  ///< for `weighted`, `weighted_mean` and (if wanted) `tensor`: one a shard, > 0
  /// Of `compare`: how much the outputs of the other models may differ from the first model's, as a part of its largest
  /// magnitude in that output. Outputs other than floats must be equal.
  double tolerance = 1e-2;
  std::uint64_t seed = 0;      ///< of `random`
  dtype storage = dtype::f16;  ///< see `program_options`
  /// Values travel between the stages of a pipeline as int8 with a scale for each row: half the bytes, and not quite
  /// the same results (docs/parallelism.md). Needs `storage` float16.
  bool compress_activations = false;
  /// How long loading on all devices may take, with the way of the weights to them.
  std::chrono::milliseconds deadline{120'000};
  /// Told whenever weights arrive at a node, also when a part is placed anew later; from actor threads, must not block.
  /// May be empty. Parts in this process take their weights from where they are: nothing is told about them.
  std::function<void(const load_progress&)> on_progress;
};

struct run_options {
  /// From the call to its answer, recoveries included. Afterwards the answer is `deadline_exceeded`.
  std::chrono::milliseconds deadline{120'000};
  /// Only for models with states (`graph::states`), which a lost part takes with it. The run is made with the state of
  /// this epoch, which an earlier `run_result` named, or answered `state_lost`; 0: with whatever state there is then.
  std::uint64_t state_epoch = 0;
};

/// The answer to one run.
struct run_result {
  std::vector<tensor> outputs;   ///< in the order of `model::outputs()`
  std::uint32_t recoveries = 0;  ///< times a part was lost on the way and its work done again
  /// Which life of the model's states the run read and wrote: another number after each loss. 0 without states.
  std::uint64_t state_epoch = 0;
  std::uint64_t version = 1;  ///< of the weights, all of them: 1 as loaded, one more with each `system::publish`
};

/// Names what `model::submit` began.
using run_id = std::uint64_t;

/// Where one part of a model is.
struct part_placement {
  std::uint32_t part = 0;
  std::string node;       ///< name of the node
  std::string device;     ///< name of the device
  std::size_t nodes = 0;  ///< operators in the part
  std::size_t weight_bytes = 0;
  std::uint64_t weight_bytes_moved = 0;  ///< over the network, when the part was placed where it is
  double step_s = 0;  ///< median of the time that its latest steps took on the device; a row of it, for replicas
};

/// A loaded model. A handle: copies refer to the same one; the last copy unloads it. Safe to use from several threads;
/// must not outlive its system (calls then answer `unavailable`).
class model {
public:
  const std::vector<value_info>& inputs() const noexcept;
  const std::vector<value_info>& outputs() const noexcept;
  const std::map<std::string, std::string>& metadata() const noexcept;

  /// Runs the model once on `inputs`, in the order of `inputs()`, and waits. With `data`, axis 0 of every input and
  /// output is the batch. Lost parts are restarted or placed elsewhere and their work is repeated, with the same
  /// result; if that is not possible within the deadline, one error. A model with states is the exception: its work is
  /// not repeated after a loss, but answered `state_lost` (see docs/embedding.md).
  result<run_result> run(std::span<const tensor> inputs, const run_options& options = {}) const;

  /// As `run`, without waiting: `done` is called once, from an actor thread, and must not block. A model with states
  /// makes the runs of one thread in the order of its calls.
  run_id submit(std::vector<tensor> inputs, const run_options& options,
                std::function<void(result<run_result>)> done) const;
  /// Withdraws a run: it is answered `cancelled`, unless it is answered already or cannot be reached now. What its
  /// parts are computing just then goes on, and comes to nothing.
  void cancel(run_id which) const;

  /// Parts that work one after the other on a run, so that as many runs keep all of them busy.
  std::size_t stages() const noexcept;

  /// Where the parts are now.
  result<std::vector<part_placement>> placement() const;

  /// A handle to the version of the weights that is in use now: what runs through it is computed with this version,
  /// whatever is published later. It keeps the version's memory until the last such handle is gone.
  model at_this_version() const;

private:
  friend class system;
  struct implementation;
  std::shared_ptr<implementation> impl_;
};

/// One embedded Troupe: actors, devices, links. Destroy it last; the destructor stops everything within 5 s.
class system {
public:
  static result<system> make(system_options options = {});
  system(system&&) noexcept;
  system& operator=(system&&) noexcept;
  ~system();

  /// Reads, checks, cuts, places and loads a model file (ONNX).
  result<model> load(const std::filesystem::path& file, const load_options& options = {});
  result<model> load(const graph& network, const load_options& options = {});
  /// Models with equal inputs and outputs whose answers are joined. `options.parallel` is taken as `ensemble`.
  result<model> load_ensemble(std::span<const std::filesystem::path> files, const load_options& options = {});
  result<model> load_ensemble(std::span<const graph> networks, const load_options& options = {});

  /// Puts new weights into a loaded model without stopping it: `network` has the structure of the one that was loaded,
  /// its names, operators, shapes and element types, and other values. It is loaded beside the old version, for which
  /// the nodes need the memory, and only chunks of weights that changed travel. Requests that come after the call has
  /// returned are computed with the new version, those before with the old one, none with both; the old version is
  /// freed when its last request has been answered. When this fails, nothing has changed. Waits as `load` does, with
  /// the options that the model was loaded with. An ensemble is refused with `unsupported`.
  result<void> publish(const model& to, const graph& network);
  result<void> publish(const model& to, const std::filesystem::path& file);

  /// What `load` would do with these options, what it would take, and why: nodes are measured when they are not yet
  /// known, which takes seconds; nothing is loaded. For one model as a pipeline, or as replicas with `shards` 0.
  result<placement_plan> plan(const graph& network, const load_options& options = {});

  /// Serves this process's devices to other nodes. "127.0.0.1:0" takes any free port; returns the port. At any address
  /// but a loopback one only paired machines are let in, and there has to be one; see docs/security.md.
  result<std::uint16_t> listen(std::string_view address);

  /// Nodes that announce themselves on the local network within `patience`, and paired machines that do not. Those of
  /// this machine and of paired ones are asked how they are, which may take another 15 s. A node announces itself when
  /// it listens and has a state directory; without one nobody counts as paired.
  result<std::vector<found_node>> find_nodes(std::chrono::milliseconds patience = std::chrono::seconds(3));

  /// Uses another node from now on: "host:port". Parts of models that are loaded move there until the nodes have about
  /// as many each, without losing a request; a model with states ends its state epoch for that. Waits up to 11 s for
  /// the link. A node that is lost later is tried again by itself, with pauses of up to 5 s. `unavailable`: nobody
  /// answers there, or another node cannot link to it; `invalid_argument`: the address cannot be read, or the node is
  /// in use already.
  result<void> add_node(const std::string& address);
  /// Does not use the node any longer. Returns at once; its parts are loaded elsewhere first, and then unloaded there.
  /// `invalid_argument` when it is not in use.
  result<void> remove_node(const std::string& address);
  /// Asks the programs that have parts on this process's devices to run them elsewhere, and waits until they have.
  /// Nothing new is accepted afterwards. `deadline_exceeded` after `patience`.
  result<void> leave(std::chrono::milliseconds patience);

  /// The supervision tree of this process and of the nodes it is linked to, as it is now.
  tree_node tree() const;

  /// Fault injection, if `allow_fault_injection`: ends the shard of part `part` of the model `of` as if it had crashed.
  result<void> kill_part(const model& of, std::uint32_t part);

  const device_info& default_device() const noexcept;

private:
  struct implementation;
  explicit system(std::unique_ptr<implementation> impl);
  result<model> load_networks(std::span<const graph> networks, const load_options& options);
  std::unique_ptr<implementation> impl_;
};

}  // namespace troupe
