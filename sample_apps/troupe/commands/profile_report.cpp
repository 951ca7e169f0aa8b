#include "profile_report.hpp"

#include <algorithm>
#include <fstream>
#include <map>

#include "statistics.hpp"

namespace troupe::app {
namespace {

/// Nodes in the table; the rest is in the JSON form.
constexpr std::size_t shown_nodes = 10;

void add_kernel(profile_line& line, const profiled_step& step) {
  const std::string name = step.on_host() ? "host" : step.kernel;
  if (line.kernels.find(name) == std::string::npos) line.kernels += (line.kernels.empty() ? "" : " ") + name;
}

void sort_slowest_first(std::vector<profile_line>& lines) {
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.duration_us > b.duration_us; });
}

double total_us(const run_profile& taken) {
  double sum = 0;
  for (const profiled_step& step : taken.steps) sum += step.duration_us;
  return sum;
}

std::vector<std::string> row_of(const profile_line& line, double all_us, const roofline& limits) {
  const double seconds = std::max(line.duration_us, 1e-3) * 1e-6;
  return {line.name,
          fmt::format("{}", line.count),
          fmt::format("{:.3f}", line.duration_us * 1e-3),
          fmt::format("{:.1f}%", 100 * line.duration_us / std::max(all_us, 1e-3)),
          fmt::format("{:.2f}", static_cast<double>(line.operations) * 1e-9 / seconds),
          fmt::format("{:.2f}", static_cast<double>(line.bytes) * 1e-9 / seconds),
          fmt::format("{:.0f}%", 100 * line.fraction_of(limits)),
          line.kernels};
}

json json_of(const profile_line& line, const roofline& limits) {
  return {{"name", line.name},
          {"count", line.count},
          {"ms", line.duration_us * 1e-3},
          {"operations", line.operations},
          {"bytes", line.bytes},
          {"fraction_of_limits", line.fraction_of(limits)},
          {"kernels", line.kernels}};
}

}  // namespace

run_profile median_profile(const std::vector<run_profile>& runs) {
  run_profile made = runs.front();
  const auto median_of = [&](const auto& time_of) {
    std::vector<double> times;
    for (const run_profile& run : runs) times.push_back(time_of(run));
    return median(std::move(times));
  };
  made.wall_us = median_of([](const run_profile& run) { return run.wall_us; });
  for (std::size_t i = 0; i < made.steps.size(); ++i) {
    made.steps[i].begin_us = median_of([i](const run_profile& run) { return run.steps[i].begin_us; });
    made.steps[i].duration_us = median_of([i](const run_profile& run) { return run.steps[i].duration_us; });
  }
  return made;
}

double profile_line::fraction_of(const roofline& limits) const {
  if (limits.read_bytes_per_s <= 0 || limits.operations_per_s <= 0 || duration_us <= 0) return 0;
  const double least_s = std::max(static_cast<double>(bytes) / limits.read_bytes_per_s,
                                  static_cast<double>(operations) / limits.operations_per_s);
  return least_s * 1e6 / duration_us;
}

std::vector<profile_line> by_node(const run_profile& taken) {
  std::map<std::size_t, profile_line> lines;
  for (const profiled_step& step : taken.steps) {
    const profiled_node& node = taken.nodes[step.node];
    profile_line& line = lines[step.node];
    line.name = node.name.empty() ? node.op : node.op + " " + node.name;
    line.operations = node.operations;
    line.duration_us += step.duration_us;
    line.bytes += step.bytes;
    ++line.count;
    add_kernel(line, step);
  }
  std::vector<profile_line> sorted;
  for (auto& [index, line] : lines) sorted.push_back(std::move(line));
  sort_slowest_first(sorted);
  return sorted;
}

std::vector<profile_line> by_operator(const run_profile& taken) {
  std::map<std::string, profile_line> lines;
  std::vector<bool> counted(taken.nodes.size(), false);
  for (const profiled_step& step : taken.steps) {
    const profiled_node& node = taken.nodes[step.node];
    profile_line& line = lines[node.op];
    line.name = node.op;
    line.duration_us += step.duration_us;
    line.bytes += step.bytes;
    add_kernel(line, step);
    if (counted[step.node]) continue;
    counted[step.node] = true;
    line.operations += node.operations;
    ++line.count;
  }
  std::vector<profile_line> sorted;
  for (auto& [op, line] : lines) sorted.push_back(std::move(line));
  sort_slowest_first(sorted);
  return sorted;
}

void print_profile(console& out, const run_profile& taken, const roofline& limits) {
  const double all_us = total_us(taken);
  const std::vector<std::string> columns{"count", "ms", "share", "GOP/s", "GB/s", "of limits", "kernels"};
  const auto shown = [&](const std::string& title, const std::vector<profile_line>& lines, std::size_t most) {
    table rows{{title}, {}};
    rows.header.insert(rows.header.end(), columns.begin(), columns.end());
    for (std::size_t i = 0; i < std::min(most, lines.size()); ++i)
      rows.rows.push_back(row_of(lines[i], all_us, limits));
    out.print(rows);
  };
  shown("operator", by_operator(taken), taken.nodes.size());
  out.line("");
  shown("slowest nodes", by_node(taken), shown_nodes);
  out.line("");
  out.line(
      "limits of this machine, measured just now: {:.1f} GB/s read, {:.1f} GOP/s{}", limits.read_bytes_per_s * 1e-9,
      limits.operations_per_s * 1e-9,
      limits.threads > 0 ? fmt::format(" (host, {} thread{})", limits.threads, limits.threads == 1 ? "" : "s") : "");
  out.line("in steps {:.3f} ms, profiled run {:.3f} ms in all", all_us * 1e-3, taken.wall_us * 1e-3);
}

json profile_json(const run_profile& taken, const roofline& limits) {
  json operators = json::array(), nodes = json::array();
  for (const profile_line& line : by_operator(taken)) operators.push_back(json_of(line, limits));
  for (const profile_line& line : by_node(taken)) nodes.push_back(json_of(line, limits));
  return {{"steps_ms", total_us(taken) * 1e-3},
          {"profiled_run_ms", taken.wall_us * 1e-3},
          {"limits",
           {{"read_bytes_per_s", limits.read_bytes_per_s},
            {"operations_per_s", limits.operations_per_s},
            {"host_threads", limits.threads}}},
          {"operators", std::move(operators)},
          {"nodes", std::move(nodes)}};
}

result<void> write_trace(const std::string& file, const run_profile& taken, const std::string& device) {
  const auto name_track = [](int track, const std::string& name) {
    return json{{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", track}, {"args", {{"name", name}}}};
  };
  constexpr int device_track = 1, host_track = 2;
  json events = json::array();
  events.push_back(name_track(device_track, device));
  events.push_back(name_track(host_track, "host"));
  for (const profiled_step& step : taken.steps) {
    const profiled_node& node = taken.nodes[step.node];
    events.push_back({{"name", node.op},
                      {"cat", step.on_host() ? "host" : "device"},
                      {"ph", "X"},
                      {"ts", step.begin_us},
                      {"dur", step.duration_us},
                      {"pid", 1},
                      {"tid", step.on_host() ? host_track : device_track},
                      {"args", {{"node", node.name}, {"kernel", step.kernel}, {"bytes", step.bytes}}}});
  }
  const json trace{{"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}};
  std::ofstream stream(file, std::ios::binary);
  stream << trace.dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
  stream.close();
  if (!stream)
    return error(errc::unavailable,
                 fmt::format("the trace \"{}\" cannot be written; check the folder and its free space", file));
  return {};
}

}  // namespace troupe::app
