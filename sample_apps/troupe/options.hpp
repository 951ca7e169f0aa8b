// Options that several commands share, and what they mean for the system and for loading.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "console.hpp"
#include "troupe/system.hpp"

namespace troupe::app {

/// Where a machine's key and its pairings are: `--state`.
struct state_options {
  std::string directory;

  void add_to(CLI::App& command);
  /// What was given, or $XDG_STATE_HOME/troupe, or ~/.local/state/troupe; empty when there is no home either.
  std::filesystem::path path() const;
};

/// How this machine calls itself.
std::string host_name();

/// Where work is done: `--device --node --threads --kernels --cache --state --verbose --allow-fault-injection`, and
/// `--cache-limit` for nodes, which also have a cache when none is given.
struct placement_options {
  std::string device;
  std::vector<std::string> nodes;
  std::size_t threads = 0;
  std::string kernels = "auto";
  std::string cache;  ///< "none": no cache, whatever the default is
  double cache_limit_gb = 8;
  state_options state;
  bool verbose = false;
  bool allow_fault_injection = false;

  void add_to(CLI::App& command, bool with_nodes = true);
  /// `name` is how this process calls itself.
  system_options for_system(std::string name = "local") const;
  /// The folder of `--cache`; empty: none.
  std::filesystem::path cache_path() const;

private:
  bool is_node_ = false;
};

/// How a model is spread: `--shards --parallel --with --split --join --tolerance --weights --storage
/// --compress-activations --use-all --only-nodes --seed --deadline`.
struct spread_options {
  std::optional<std::size_t> shards;  ///< 0: the planner decides, as it does for other nodes when nothing is said
  std::string parallel = "pipeline";
  std::vector<std::string> members;  ///< models besides the first, for ensembles
  std::string split = "even";
  std::string join = "mean";
  double tolerance = 1e-2;
  std::vector<double> weights;
  std::string storage = "f16";
  bool compress_activations = false;
  bool use_all = false;
  bool only_nodes = false;
  std::uint64_t seed = 0;
  double deadline_s = 120;

  void add_to(CLI::App& command);
  load_options for_loading(const placement_options& places) const;
  run_options for_running() const;
};

/// Reads an ONNX file and makes sure that every operator in it is one that Troupe has: before a device is opened, so
/// that a model that cannot run is refused at once.
result<graph> read_model(const std::string& file);

/// Loads what `spread` describes; `network` is `file`, read already; `options` are those of
/// `spread`.
result<model> load_spread(system& on, const std::string& file, const graph& network, const spread_options& spread,
                          const load_options& options);

/// Requests under way that keep every shard of a model busy.
std::size_t requests_at_once(const model& loaded);

/// `[{"part","node","device","operators","weight_bytes","weight_bytes_moved"}]`.
json json_of(const std::vector<part_placement>& placement);
/// Bytes of weights that went over the network to where the parts are.
std::uint64_t weights_sent(const std::vector<part_placement>& placement);

/// With `--verbose`: where the parts of a model are, on stderr.
void print_placement(const model& loaded);

}  // namespace troupe::app
