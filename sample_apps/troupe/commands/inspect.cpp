// troupe inspect MODEL: what a model takes, gives and consists of, and what of it Troupe cannot run. For ONNX models;
// inspect_gguf.cpp has language models.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "commands.hpp"
#include "commands/inspect_gguf.hpp"
#include "options.hpp"
#include "troupe/engine/onnx_import.hpp"

namespace troupe::app {
namespace {

/// Nodes of one kind: counted together, because together they are supported or not.
struct operator_use {
  std::string name;
  std::string domain;
  int version = 0;
  bool supported = false;
  std::size_t count = 0;
};

std::vector<operator_use> uses_of(const graph& network) {
  const operator_table known = builtin_operators();
  std::map<std::tuple<std::string, std::string, int>, operator_use> uses;
  for_each_node(network, [&](const node& step) {
    operator_use& use = uses[{step.domain, step.op, step.version}];
    use = {step.op, step.domain, step.version, known.find(step) != nullptr, use.count + 1};
  });
  std::vector<operator_use> sorted;
  for (auto& [key, use] : uses) sorted.push_back(std::move(use));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const operator_use& a, const operator_use& b) { return a.count > b.count; });
  return sorted;
}

std::string text_of(const operator_use& use) {
  const std::string name = use.domain.empty() ? use.name : use.domain + "." + use.name;
  return fmt::format("{} (opset {})", name, use.version);
}

json values_of(const graph& network, const std::vector<value_id>& ids) {
  json values = json::array();
  for (const value_id id : ids) values.push_back(json_of(network.values[id]));
  return values;
}

table table_of(const graph& network, const std::vector<value_id>& ids, const std::string& title) {
  table shown{{title, "type", "shape"}, {}};
  for (const value_id id : ids) {
    const value_info& value = network.values[id];
    shown.rows.push_back({value.name, text_of_type(value), text_of_dims(value)});
  }
  return shown;
}

/// A thousand labels are for --json.
std::string shortened(const std::string& text) {
  constexpr std::size_t shown = 160;
  return text.size() <= shown ? text : text.substr(0, shown) + "...";
}

result<void> inspect(const std::string& file, console& out) {
  if (is_gguf(file)) return inspect_gguf(file, out);
  TROUPE_TRY(const graph network, import_onnx(file));
  const auto uses = uses_of(network);
  std::size_t parameters = 0;
  for (const auto& [id, constant] : network.constants) parameters += constant.elements();

  json operators = json::array(), unsupported = json::array();
  table shown{{"operator", "count", ""}, {}};
  for (const operator_use& use : uses) {
    operators.push_back({{"name", use.name},
                         {"domain", use.domain},
                         {"version", use.version},
                         {"count", use.count},
                         {"supported", use.supported}});
    if (!use.supported) unsupported.push_back(text_of(use));
    shown.rows.push_back({use.domain.empty() ? use.name : use.domain + "." + use.name, fmt::format("{}", use.count),
                          use.supported ? "" : fmt::format("not supported in opset {}", use.version)});
  }
  out.object({{"name", network.name},
              {"inputs", values_of(network, network.inputs)},
              {"outputs", values_of(network, network.outputs)},
              {"operators", std::move(operators)},
              {"parameters", parameters},
              {"bytes", network.constant_bytes()},
              {"metadata", network.metadata},
              {"supported", unsupported.empty()},
              {"unsupported", unsupported}});

  out.print(table_of(network, network.inputs, "input"));
  out.line("");
  out.print(table_of(network, network.outputs, "output"));
  out.line("");
  out.print(shown);
  out.line("");
  out.line("{} operators, {} parameters, {}", network.nodes.size(), parameters,
           text_of_bytes(network.constant_bytes()));
  for (const auto& [key, value] : network.metadata) out.line("{}: {}", key, shortened(value));
  if (!unsupported.empty()) {
    std::vector<std::string> names;
    for (const auto& name : unsupported) names.push_back(name.get<std::string>());
    out.line("not supported: {}", fmt::join(names, ", "));
  }
  return {};
}

}  // namespace

void add_inspect(program& to) {
  auto file = std::make_shared<std::string>();
  CLI::App& command = to.add("inspect", "Shows what a model takes, gives and consists of, and what of it cannot run",
                             "troupe inspect model.onnx", [file](console& out) { return inspect(*file, out); });
  command.add_option("MODEL", *file, "ONNX or GGUF file")->required();
}

}  // namespace troupe::app
