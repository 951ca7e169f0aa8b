// troupe nodes: which nodes there are on the local network, and how they are.
#include "commands.hpp"
#include "options.hpp"
#include "troupe/transport/key_hash.hpp"

namespace troupe::app {
namespace {

struct nodes_command {
  double wait_s = 3;
  state_options state;
};

const char* text_of(node_relation relation) {
  switch (relation) {
    case node_relation::own: return "this machine's";
    case node_relation::paired: return "paired";
    case node_relation::stranger: return "not paired";
  }
  return "?";
}

const char* word_of(node_relation relation) {
  switch (relation) {
    case node_relation::own: return "own";
    case node_relation::paired: return "paired";
    case node_relation::stranger: return "stranger";
  }
  return "?";
}

double milliseconds_of(const found_node::report& status) {
  return status.round_trip.count() * 1e3;
}

json json_of(const found_node& node) {
  json shown{{"name", node.name},
             {"key", node.key},
             {"addresses", node.addresses},
             {"relation", word_of(node.relation)},
             {"reachable", node.status.has_value()}};
  if (node.status) {
    shown["version"] = node.status->version;
    shown["devices"] = node.status->devices;
    shown["round_trip_ms"] = milliseconds_of(*node.status);
  } else {
    shown["problem"] = node.problem;
  }
  return shown;
}

result<void> nodes(const nodes_command& given, console& out) {
  system_options options;
  options.device = "null";  // nothing is computed here
  options.state_directory = given.state.path();
  TROUPE_TRY(system asking, system::make(std::move(options)));
  out.progress("listening");
  const auto found = asking.find_nodes(std::chrono::milliseconds(static_cast<std::int64_t>(given.wait_s * 1000)));
  out.clear_progress();
  if (!found) return found.error();

  json listed = json::array();
  table shown{{"name", "key", "address", "", "version", "devices", "round trip"}, {}};
  std::vector<std::string> problems;
  for (const found_node& each : *found) {
    listed.push_back(json_of(each));
    const std::string name = each.name.empty() ? "?" : each.name;
    std::vector<std::string> row{name, wire::short_name(wire::parse_key_hash(each.key).value()),
                                 each.addresses.empty() ? "-" : each.addresses.front(), text_of(each.relation)};
    if (each.status)
      row.insert(row.end(), {each.status->version, fmt::format("{}", fmt::join(each.status->devices, ", ")),
                             fmt::format("{:.2f} ms", milliseconds_of(*each.status))});
    else
      row.insert(row.end(), {"-", "-", "-"});
    shown.rows.push_back(std::move(row));
    if (!each.status) problems.push_back(fmt::format("{} ({}): {}", name, shown.rows.back()[1], each.problem));
  }
  out.object({{"nodes", std::move(listed)}});
  if (shown.rows.empty())
    out.line("no node was heard within {} s; start one with `troupe node`", given.wait_s);
  else
    out.print(shown);
  for (const std::string& each : problems) out.line("{}", each);
  return {};
}

}  // namespace

void add_nodes(program& to) {
  auto given = std::make_shared<nodes_command>();
  CLI::App& command = to.add("nodes", "Lists the nodes of the local network", "troupe nodes --wait 5",
                             [given](console& out) { return nodes(*given, out); });
  command.add_option("--wait", given->wait_s, "Seconds to listen")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  given->state.add_to(command);
}

}  // namespace troupe::app
