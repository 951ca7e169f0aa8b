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

std::uint64_t kept_failures(const std::vector<run_report>& runs) {
  return static_cast<std::uint64_t>(
      std::count_if(runs.begin(), runs.end(), [](const run_report& each) { return !each.violations.empty(); }));
}

std::string line_of(const violation& each) {
  return fmt::format("{} after {}: {}", each.invariant, to_string(each.at), each.what);
}

}  // namespace

void run_sums::add(const run_report& run) {
  ++runs;
  failed += !run.violations.empty();
  answers += run.answers;
  recoveries += run.recoveries;
  for (const auto& [kind, count] : run.kinds) {
    kind_count& sum = kinds[kind];
    sum.drawn += count.drawn;
    sum.armed += count.armed;
    sum.fired += count.fired;
  }
  recovery_s.insert(recovery_s.end(), run.recovery_s.begin(), run.recovery_s.end());
}

void chaos_report::add(run_report run) {
  run.number = carried_out() + 1;
  if (runs.size() < (run.violations.empty() ? limits::good_runs_kept_max : limits::runs_kept_max)) {
    runs.push_back(std::move(run));
    return;
  }
  further.add(run);
  further.recovery_s.resize(std::min(further.recovery_s.size(), limits::recovery_times_max));
}

std::uint64_t chaos_report::failed() const noexcept {
  return further.failed + kept_failures(runs);
}

run_sums chaos_report::sums() const {
  run_sums all = further;
  for (const run_report& run : runs) all.add(run);
  std::sort(all.recovery_s.begin(), all.recovery_s.end());
  return all;
}

std::string summary_of(const run_report& run) {
  return fmt::format("seed {}: {} fault{}, {} answers, {} recover{}, {:.2f} s, {}", run.plan.seed,
                     run.plan.faults.size(), run.plan.faults.size() == 1 ? "" : "s", run.answers, run.recoveries,
                     run.recoveries == 1 ? "y" : "ies", run.seconds,
                     run.violations.empty() ? "ok" : fmt::format("{} VIOLATIONS", run.violations.size()));
}

std::string text_of(const chaos_report& report) {
  const run_sums all = report.sums();
  const auto& times = all.recovery_s;
  std::string text = fmt::format("{}: {} runs, {} with violations; {} answers, {} recoveries\n", report.name, all.runs,
                                 all.failed, all.answers, all.recoveries);
  if (!times.empty())
    text += fmt::format("recovery, from the fault to the next answer: {} times, median {:.3f} s, worst {:.3f} s\n",
                        times.size(), quantile(times, 0.5), times.back());
  if (!all.kinds.empty()) {
    text += fmt::format("{:<20} {:>8} {:>8} {:>8}\n", "fault", "drawn", "armed", "fired");
    for (const auto& [kind, count] : all.kinds)
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
  const run_sums all = report.sums();
  for (const auto& [kind, count] : all.kinds)
    kinds[std::string(info_of(kind).id)] = {{"drawn", count.drawn}, {"armed", count.armed}, {"fired", count.fired}};
  json violations = json::array();
  for (const run_report& run : report.runs)
    for (const violation& each : run.violations)
      violations.push_back({{"seed", run.plan.seed},
                            {"invariant", each.invariant},
                            {"what", replace_invalid_utf8(each.what)},
                            {"at_us", each.at.count()},
                            {"scenario", replace_invalid_utf8(print_scenario(run.plan))}});
  const auto& times = all.recovery_s;
  const json made{{"name", report.name},
                  {"runs", all.runs},
                  {"failed", all.failed},
                  {"answers", all.answers},
                  {"recoveries", all.recoveries},
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
      escaped(report.name), report.runs.size(), kept_failures(report.runs), seconds);
  for (const run_report& run : report.runs) {
    text += fmt::format("  <testcase classname=\"troupe.chaos\" name=\"run {}, seed {}\" time=\"{:.3f}\"", run.number,
                        run.plan.seed, run.seconds);
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
