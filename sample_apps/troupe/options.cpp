#include "options.hpp"

#include <unistd.h>

#include <cstdlib>
#include <map>

#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe::app {
namespace {

/// A folder of ours as the XDG base directory specification has it, where a relative path counts as none; empty when
/// there is no home either.
std::filesystem::path xdg_folder(const char* variable, const char* below_home) {
  const char* given = std::getenv(variable);
  if (given && given[0] == '/') return std::filesystem::path(given) / "troupe";
  const char* home = std::getenv("HOME");
  if (home && home[0] == '/') return std::filesystem::path(home) / below_home / "troupe";
  return {};
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 && name[0] ? name : "node";
}

void state_options::add_to(CLI::App& command) {
  command
      .add_option("--state", directory,
                  "Folder of this machine's key and pairings; $XDG_STATE_HOME/troupe or ~/.local/state/troupe")
      ->type_name("DIR");
}

std::filesystem::path state_options::path() const {
  if (!directory.empty()) return directory;
  return xdg_folder("XDG_STATE_HOME", ".local/state");
}

void placement_options::add_to(CLI::App& command, bool with_nodes) {
  command
      .add_option("--device", device, "Device to use: a number or part of a name from `troupe devices`, or reference")
      ->type_name("N|NAME");
  if (with_nodes)
    command
        .add_option("--node", nodes,
                    "Use this node too; repeatable; auto: all nodes of this machine and of paired ones that are found")
        ->type_name("HOST:PORT|auto")
        ->allow_extra_args(false);
  command.add_option("--threads", threads, "Threads of the actor scheduler")->check(CLI::Range(1, 1024));
  command
      .add_option("--kernels", kernels,
                  "Kernels for software devices, for GPUs, or for GPUs with matrix units, whatever the device is")
      ->check(CLI::IsMember({"auto", "software", "gpu", "cooperative"}))
      ->capture_default_str();
  is_node_ = !with_nodes;
  if (is_node_) {
    command
        .add_option("--cache", cache,
                    "Keep compiled pipelines and weights of others' models in this folder; none keeps nothing. "
                    "$XDG_CACHE_HOME/troupe or ~/.cache/troupe if not given")
        ->type_name("DIR");
    command
        .add_option("--cache-limit", cache_limit_gb,
                    "Gigabytes of weights kept in the cache; those not used for longest go first")
        ->type_name("GB")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
  } else {
    command.add_option("--cache", cache, "Keep compiled pipelines in this folder between runs")->type_name("DIR");
  }
  state.add_to(command);
  command.add_flag("--verbose", verbose, "Say on stderr what supervisors do");
  command.add_flag("--allow-fault-injection", allow_fault_injection, "Obey orders to kill shards on purpose");
}

std::filesystem::path placement_options::cache_path() const {
  if (cache == "none") return {};
  return cache.empty() && is_node_ ? xdg_folder("XDG_CACHE_HOME", ".cache") : std::filesystem::path(cache);
}

system_options placement_options::for_system(std::string name) const {
  system_options made;
  made.name = std::move(name);
  made.device = device;
  const std::filesystem::path kept = cache_path();
  made.devices.pipeline_cache_directory = kept.string();
  if (is_node_ && !kept.empty()) made.weights_directory = kept / "weights";
  made.weights_bytes_max = static_cast<std::uint64_t>(cache_limit_gb * 1e9);
  made.devices.kernels = kernels == "software"      ? kernel_family::software
                         : kernels == "gpu"         ? kernel_family::gpu
                         : kernels == "cooperative" ? kernel_family::cooperative
                                                    : kernel_family::automatic;
  made.threads = threads;
  made.nodes = nodes;
  made.state_directory = state.path();
  made.allow_fault_injection = allow_fault_injection;
  if (verbose) {
    made.on_event = print_event;
    made.devices.on_message = [](const std::string& message) { fmt::print(stderr, "device: {}\n", message); };
  }
  return made;
}

void spread_options::add_to(CLI::App& command) {
  command
      .add_option_function<std::string>(
          "--shards", [this](const std::string& text) { shards = text == "auto" ? 0 : std::stoull(text); },
          "Stages of a pipeline, slices or replicas; auto: as the planner decides, which is the default with --node")
      ->type_name("N|auto")
      ->check(CLI::IsMember({"auto"}) | CLI::Range(std::size_t{1}, limits::shards_max));
  command.add_flag("--use-all", use_all, "auto: use every node, also one that makes it slower");
  command.add_flag("--only-nodes", only_nodes, "auto: place nothing in this process");
  command
      .add_option(
          "--parallel", parallel,
          "pipeline: consecutive parts; tensor: slices of every layer; data: replicas share the batch; ensemble: "
          "several models, answers joined")
      ->check(CLI::IsMember({"pipeline", "tensor", "data", "ensemble"}))
      ->capture_default_str();
  command.add_option("--with", members, "ensemble: one more model; repeatable")
      ->type_name("MODEL")
      ->allow_extra_args(false);
  command.add_option("--split", split, "data: how a batch is divided")
      ->check(CLI::IsMember({"even", "random", "weighted", "measured"}))
      ->capture_default_str();
  command.add_option("--join", join, "ensemble: how answers are joined")
      ->check(CLI::IsMember({"mean", "weighted", "vote", "compare"}))
      ->capture_default_str();
  command
      .add_option("--tolerance", tolerance, "--join compare: largest difference, as a part of the largest magnitude")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  command
      .add_option("--weights", weights,
                  "Weights for --split weighted, --join weighted and the slices of --parallel tensor, one a shard")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--storage", storage, "How weights and activations are kept on the device")
      ->check(CLI::IsMember({"f16", "f32"}))
      ->capture_default_str();
  command.add_flag("--compress-activations", compress_activations,
                   "pipeline: send values between stages as int8: half the bytes, not quite the same results");
  command.add_option("--seed", seed, "Seed of everything random")->capture_default_str();
  command.add_option("--deadline", deadline_s, "Seconds that loading, and each run, may take")
      ->check(CLI::Range(0.001, 86400.0))
      ->capture_default_str();
}

load_options spread_options::for_loading(const placement_options& places) const {
  static const std::map<std::string, parallel_mode> modes{{"pipeline", parallel_mode::pipeline},
                                                          {"tensor", parallel_mode::tensor},
                                                          {"data", parallel_mode::data},
                                                          {"ensemble", parallel_mode::ensemble}};
  static const std::map<std::string, split_policy> splits{
      {"even", split_policy::even}, {"random", split_policy::random}, {"weighted", split_policy::weighted}, {"measured", split_policy::measured}};
  static const std::map<std::string, join_policy> joins{{"mean", join_policy::mean},
                                                        {"weighted", join_policy::weighted_mean},
                                                        {"vote", join_policy::vote},
                                                        {"compare", join_policy::compare}};
  load_options made;
  made.parallel = modes.at(parallel);
  made.shards = shards.value_or(places.nodes.empty() ? 1 : 0);
  made.planning.use_all = use_all;
  made.planning.only_nodes = only_nodes;
  made.split = splits.at(split);
  made.join = joins.at(join);
  made.weights = weights;
  made.tolerance = tolerance;
  made.seed = seed;
  made.storage = storage == "f32" ? dtype::f32 : dtype::f16;
  made.compress_activations = compress_activations;
  made.deadline = for_running().deadline;
  return made;
}

run_options spread_options::for_running() const {
  return {.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(deadline_s * 1000))};
}

result<graph> read_model(const std::string& file) {
  TROUPE_TRY(graph network, import_onnx(file));
  TROUPE_CHECK(check_operators(network, builtin_operators()).while_doing(file));
  return network;
}

result<model> load_spread(system& on, const std::string& file, const graph& network, const spread_options& spread,
                          const load_options& options) {
  if (spread.parallel != "ensemble") {
    if (!spread.members.empty())
      return error(errc::invalid_argument, "--with names a further model, which only --parallel ensemble takes");
    return on.load(network, options).while_doing(fmt::format("loading {}", file));
  }
  if (spread.members.empty())
    return error(errc::invalid_argument, "an ensemble needs at least two models; name the others with --with");
  std::vector<graph> networks{network};
  for (const std::string& member : spread.members) {
    TROUPE_TRY(graph read, read_model(member));
    networks.push_back(std::move(read));
  }
  return on.load_ensemble(networks, options).while_doing("loading the ensemble");
}

std::size_t requests_at_once(const model& loaded) {
  const auto parts = loaded.placement();
  return parts ? parts->size() + 1 : 2;
}

json json_of(const std::vector<part_placement>& placement) {
  json parts = json::array();
  for (const part_placement& part : placement)
    parts.push_back({{"part", part.part},
                     {"node", part.node},
                     {"device", part.device},
                     {"operators", part.nodes},
                     {"weight_bytes", part.weight_bytes},
                     {"weight_bytes_moved", part.weight_bytes_moved}});
  return parts;
}

std::uint64_t weights_sent(const std::vector<part_placement>& placement) {
  std::uint64_t total = 0;
  for (const part_placement& part : placement) total += part.weight_bytes_moved;
  return total;
}

void print_placement(const model& loaded) {
  const auto placement = loaded.placement();
  if (!placement) return;
  for (const part_placement& part : *placement)
    fmt::print(stderr, "part {}: {} operators, {} of weights, {} of them sent, on {} ({})\n", part.part, part.nodes,
               text_of_bytes(part.weight_bytes), text_of_bytes(part.weight_bytes_moved), part.node, part.device);
}

}  // namespace troupe::app
