#include "troupe/chaos/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "troupe/chaos/scenario.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe::chaos {
namespace {

using json = nlohmann::ordered_json;

/// Of sorted values: the smallest that at least this part of them does not exceed.
double quantile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto place = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return sorted[std::min(place, sorted.size() - 1)];
}

/// As content or attribute of XML 1.0, which has no way to write most control characters.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char letter : replace_invalid_utf8(std::string(text))) switch (letter) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      case '\n': made += "&#10;"; break;
      default: made += static_cast<unsigned char>(letter) < ' ' && letter != '\t' ? '?' : letter;
    }
  return made;
}

std::string line_of(const violation& each) {
  return fmt::format("{} after {}: {}", each.invariant, to_string(each.at), each.what);
}

}  // namespace

std::size_t chaos_report::failed() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(runs.begin(), runs.end(), [](const run_report& each) { return !each.violations.empty(); }));
}

std::map<fault_kind, kind_count> chaos_report::kinds() const {
  std::map<fault_kind, kind_count> all;
  for (const run_report& run : runs)
    for (const auto& [kind, count] : run.kinds) {
      kind_count& sum = all[kind];
      sum.drawn += count.drawn;
      sum.armed += count.armed;
      sum.fired += count.fired;
    }
  return all;
}

std::vector<double> chaos_report::recovery_s() const {
  std::vector<double> all;
  for (const run_report& run : runs) all.insert(all.end(), run.recovery_s.begin(), run.recovery_s.end());
  std::sort(all.begin(), all.end());
  return all;
}

std::string summary_of(const run_report& run) {
  return fmt::format("seed {}: {} fault{}, {} answers, {} recover{}, {:.2f} s, {}", run.plan.seed,
                     run.plan.faults.size(), run.plan.faults.size() == 1 ? "" : "s", run.answers, run.recoveries,
                     run.recoveries == 1 ? "y" : "ies", run.seconds,
                     run.violations.empty() ? "ok" : fmt::format("{} VIOLATIONS", run.violations.size()));
}

std::string text_of(const chaos_report& report) {
  std::uint64_t answers = 0, recoveries = 0;
  for (const run_report& run : report.runs) {
    answers += run.answers;
    recoveries += run.recoveries;
  }
  std::string text = fmt::format("{}: {} runs, {} with violations; {} answers, {} recoveries\n", report.name,
                                 report.runs.size(), report.failed(), answers, recoveries);
  const auto times = report.recovery_s();
  if (!times.empty())
    text += fmt::format("recovery, from the fault to the next answer: {} times, median {:.3f} s, worst {:.3f} s\n",
                        times.size(), quantile(times, 0.5), times.back());
  if (const auto kinds = report.kinds(); !kinds.empty()) {
    text += fmt::format("{:<20} {:>8} {:>8} {:>8}\n", "fault", "drawn", "armed", "fired");
    for (const auto& [kind, count] : kinds)
      text += fmt::format("{:<20} {:>8} {:>8} {:>8}\n", info_of(kind).id, count.drawn, count.armed, count.fired);
  }
  for (const run_report& run : report.runs) {
    if (run.violations.empty()) continue;
    text += fmt::format("\nseed {} violates:\n", run.plan.seed);
    for (const violation& each : run.violations) text += "  " + line_of(each) + "\n";
    text += "with the scenario:\n" + print_scenario(run.plan);
  }
  return text;
}

std::string json_of(const chaos_report& report) {
  json kinds = json::object();
  for (const auto& [kind, count] : report.kinds())
    kinds[std::string(info_of(kind).id)] = {{"drawn", count.drawn}, {"armed", count.armed}, {"fired", count.fired}};
  json violations = json::array();
  std::uint64_t answers = 0, recoveries = 0;
  for (const run_report& run : report.runs) {
    answers += run.answers;
    recoveries += run.recoveries;
    for (const violation& each : run.violations)
      violations.push_back({{"seed", run.plan.seed},
                            {"invariant", each.invariant},
                            {"what", replace_invalid_utf8(each.what)},
                            {"at_us", each.at.count()},
                            {"scenario", replace_invalid_utf8(print_scenario(run.plan))}});
  }
  const auto times = report.recovery_s();
  const json made{{"name", report.name},
                  {"runs", report.runs.size()},
                  {"failed", report.failed()},
                  {"answers", answers},
                  {"recoveries", recoveries},
                  {"kinds", std::move(kinds)},
                  {"recovery_s",
                   {{"count", times.size()},
                    {"median", quantile(times, 0.5)},
                    {"p99", quantile(times, 0.99)},
                    {"worst", times.empty() ? 0.0 : times.back()}}},
                  {"violations", std::move(violations)}};
  return made.dump();
}

std::string junit_of(const chaos_report& report) {
  double seconds = 0;
  for (const run_report& run : report.runs) seconds += run.seconds;
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"troupe chaos: {}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" time=\"{:.3f}\">\n",
      escaped(report.name), report.runs.size(), report.failed(), seconds);
  for (const run_report& run : report.runs) {
    text += fmt::format("  <testcase classname=\"troupe.chaos\" name=\"seed {}\" time=\"{:.3f}\"", run.plan.seed,
                        run.seconds);
    if (run.violations.empty()) {
      text += "/>\n";
      continue;
    }
    std::string details;
    for (const violation& each : run.violations) details += line_of(each) + "\n";
    text += fmt::format(">\n    <failure message=\"{}\">{}</failure>\n  </testcase>\n",
                        escaped(line_of(run.violations.front())), escaped(details + print_scenario(run.plan)));
  }
  return text + "</testsuite>\n";
}

}  // namespace troupe::chaos
