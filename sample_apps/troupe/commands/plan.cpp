// troupe plan MODEL: which node would do what, how long it would take, and why; nothing is loaded.
#include "commands.hpp"
#include "commands/inspect_gguf.hpp"
#include "options.hpp"
#include "random_inputs.hpp"
#include "troupe/engine/language_model.hpp"

namespace troupe::app {
namespace {

struct plan_command {
  std::string model_file;
  std::size_t in_flight = 0;
  std::int64_t sessions = 1, context = 0;
  random_input_options inputs;
  placement_options placement;
  spread_options spread;
};

/// The model to plan for, and how many results one step gives: images of a batch, or tokens of the sessions.
struct planned_model {
  graph network;
  std::vector<shape> inputs;
  std::int64_t results = 1;
  std::string unit = "images";
};

result<planned_model> read(const plan_command& given) {
  planned_model made;
  if (is_gguf(given.model_file)) {
    TROUPE_TRY(language_model model,
               load_language_model(given.model_file, {.sessions = given.sessions, .context = given.context}));
    made.network = std::move(model.graph);
    // A step of generation: one row for each session.
    for (const value_id id : made.network.inputs) {
      std::vector<std::int64_t> extents;
      for (const dimension& axis : made.network.values[id].dims.value_or(std::vector<dimension>()))
        extents.push_back(axis.extent < 0 ? given.sessions : axis.extent);
      TROUPE_TRY(const shape dims, shape::make(extents));
      made.inputs.push_back(dims);
    }
    made.results = given.sessions;
    made.unit = "tokens";
    return made;
  }
  TROUPE_TRY(made.network, read_model(given.model_file));
  TROUPE_TRY(const auto inputs, make_inputs(made.network, given.inputs, given.spread.seed));
  for (const tensor& input : inputs) made.inputs.push_back(input.dims());
  if (!inputs.empty() && inputs[0].dims().rank() > 0) made.results = std::max<std::int64_t>(inputs[0].dims()[0], 1);
  return made;
}

/// Of a part: how much of the speed that is used its node has.
std::string why(const placement_plan& plan, const planned_part& part) {
  double speed = 0;
  for (const planned_part& each : plan.parts) speed += plan.nodes[each.node].ability.operations_per_s;
  return fmt::format("{:.0f} % of the speed in use",
                     1e2 * plan.nodes[part.node].ability.operations_per_s / std::max(speed, 1e-300));
}

json json_of(const placement_plan& plan, const planned_model& model) {
  json answer{{"step_ms", plan.step_s * 1e3},
              {"interval_ms", plan.interval_s * 1e3},
              {model.unit + "_per_s", static_cast<double>(model.results) / plan.interval_s},
              {"bytes_per_step", plan.bytes_per_step},
              {"parts", json::array()},
              {"left_out", json::array()},
              {"nodes", json::array()}};
  for (const planned_part& part : plan.parts)
    answer["parts"].push_back({{"node", plan.nodes[part.node].name},
                               {"device", plan.nodes[part.node].ability.device},
                               {"operators", part.operators},
                               {"pieces", {part.first, part.last}},
                               {"share", part.share},
                               {"weight_bytes", part.weight_bytes},
                               {"memory_bytes", part.memory_bytes},
                               {"compute_ms", part.compute_s * 1e3},
                               {"transfer_ms", part.transfer_s * 1e3},
                               {"bytes_in", part.bytes_in},
                               {"bytes_out", part.bytes_out},
                               {"why", why(plan, part)}});
  for (const left_out_node& left : plan.left_out)
    answer["left_out"].push_back({{"node", plan.nodes[left.node].name}, {"why", left.why}});
  for (const planning_node& node : plan.nodes) {
    json described{{"name", node.name},
                   {"device", node.ability.device},
                   {"memory_bytes", node.ability.memory_bytes},
                   {"operations_per_s", node.ability.operations_per_s},
                   {"bytes_per_s", node.ability.bytes_per_s},
                   {"dispatch_s", node.ability.dispatch_s},
                   {"run_s", node.ability.run_s},
                   {"round_trip_s", node.link.round_trip_s}};
    if (node.link != link_ability()) described["link_bytes_per_s"] = node.link.bytes_per_s;
    answer["nodes"].push_back(std::move(described));
  }
  return answer;
}

table table_of(const placement_plan& plan, bool replicas) {
  table made{{"part", "node", "device", "operators", replicas ? "share" : "pieces", "weights", "memory", "ms",
              "link ms", "out", "why"},
             {}};
  for (std::size_t i = 0; i < plan.parts.size(); ++i) {
    const planned_part& part = plan.parts[i];
    made.rows.push_back(
        {fmt::format("{}", i), plan.nodes[part.node].name, plan.nodes[part.node].ability.device,
         fmt::format("{}", part.operators),
         replicas ? fmt::format("{:.1f} %", 1e2 * part.share) : fmt::format("{}-{}", part.first, part.last - 1),
         text_of_bytes(part.weight_bytes), text_of_bytes(part.memory_bytes),
         fmt::format("{:.3f}", part.compute_s * 1e3), fmt::format("{:.3f}", part.transfer_s * 1e3),
         text_of_bytes(part.bytes_out), why(plan, part)});
  }
  return made;
}

result<void> plan(const plan_command& given, console& out) {
  out.progress("reading " + given.model_file);
  TROUPE_TRY(const planned_model model, read(given));
  TROUPE_TRY(system on, system::make(given.placement.for_system()));
  load_options options = given.spread.for_loading(given.placement);
  if (!given.spread.shards) options.shards = 0;
  options.planning.inputs = model.inputs;
  options.planning.in_flight = given.in_flight;
  out.progress("asking the nodes");
  TROUPE_TRY(const placement_plan made, on.plan(model.network, options).while_doing("planning " + given.model_file));
  out.clear_progress();
  out.object(json_of(made, model));
  out.print(table_of(made, given.spread.parallel == "data"));
  for (const left_out_node& left : made.left_out)
    out.line("left out: {} ({}): {}", made.nodes[left.node].name, made.nodes[left.node].ability.device, left.why);
  out.line("a step takes {:.3f} ms; a result every {:.3f} ms, {:.1f} {}/s; {} over links each step", made.step_s * 1e3,
           made.interval_s * 1e3, static_cast<double>(model.results) / made.interval_s, model.unit,
           text_of_bytes(made.bytes_per_step));
  return {};
}

}  // namespace

void add_plan(program& to) {
  auto given = std::make_shared<plan_command>();
  CLI::App& command = to.add("plan", "Which node would do what, how long it would take, and why",
                             "troupe plan model.onnx --node 127.0.0.1:7000 --node 127.0.0.1:7001",
                             [given](console& out) { return plan(*given, out); });
  command.add_option("MODEL", given->model_file, "ONNX or GGUF file")->required();
  command
      .add_option("--in-flight", given->in_flight, "Requests under way at once; enough to keep every part busy if 0")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  command.add_option("--sessions", given->sessions, "Of a language model: sessions that generate at once")
      ->check(CLI::Range(std::int64_t{1}, limits::language_sessions_max))
      ->capture_default_str();
  command.add_option("--context", given->context, "Of a language model: positions of a session")
      ->check(CLI::Range(std::int64_t{1}, limits::language_context_max));
  given->inputs.add_to(command);
  given->placement.add_to(command);
  given->spread.add_to(command);
}

}  // namespace troupe::app
