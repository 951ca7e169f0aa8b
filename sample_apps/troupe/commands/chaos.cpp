// troupe chaos: seeded schedules of faults, and whether everything that is promised holds nevertheless.
#include <fstream>
#include <functional>
#include <random>

#include "commands.hpp"
#include "options.hpp"
#include "text_files.hpp"
#include "troupe/chaos.hpp"

namespace troupe::app {
namespace {

/// Runs that shrinking one failure may take: seconds each with real processes, milliseconds in simulation.
constexpr std::size_t real_shrink_runs = 40, simulated_shrink_runs = 2000;
/// What an answer of a small model takes over several processes, more or less, in simulation too.
constexpr std::chrono::milliseconds time_a_token{3};

struct chaos_command {
  std::optional<std::size_t> runs;
  std::optional<std::uint64_t> seed, replay;
  std::string scenario, junit, model, device, mode = "pipeline", each_token, folder;
  std::vector<std::string> kinds;
  std::uint32_t nodes = 2, requests = 1, tokens = 32, faults = 4, spares = 0;
  double deadline_s = 60, lasting_s = 1;
  bool real = false, list = false, any = false, no_shrink = false, show = false;
};

result<void> write_text(const std::string& file, const std::string& text) {
  std::ofstream open(file, std::ios::binary);
  open << text;
  open.close();
  if (!open) return error(errc::unavailable, fmt::format("{} cannot be written", file));
  return {};
}

result<std::vector<chaos::fault_kind>> kinds_of(const std::vector<std::string>& ids) {
  std::vector<chaos::fault_kind> kinds;
  for (const std::string& id : ids) {
    const auto kind = chaos::fault_kind_of(id);
    if (!kind)
      return error(errc::invalid_argument,
                   fmt::format("\"{}\" is no kind of fault; `troupe chaos --list` shows them", id));
    kinds.push_back(*kind);
  }
  return kinds;
}

chaos::workload work_of(const chaos_command& given) {
  chaos::workload work;
  work.model = given.model;
  work.nodes = given.nodes;
  work.mode = given.mode == "data" ? parallel_mode::data : parallel_mode::pipeline;
  work.requests = given.requests;
  work.tokens = given.tokens;
  work.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(given.deadline_s * 1000));
  return work;
}

chaos::microseconds lasting_of(const chaos_command& given) {
  return chaos::microseconds(static_cast<std::int64_t>(given.lasting_s * 1e6));
}

/// The plans that the command line asks for, each made when it is carried out.
struct plan_list {
  std::size_t count = 0;
  std::function<result<chaos::fault_plan>(std::size_t)> plan;
};

/// One fault of this kind in each plan: at every token of every node.
result<plan_list> at_each_token(const chaos_command& given, std::uint64_t seed) {
  TROUPE_TRY(const auto kinds, kinds_of({given.each_token}));
  const chaos::fault_kind_info& kind = chaos::info_of(kinds.front());
  const std::size_t nodes = kind.target == chaos::fault_target::cluster ? 1 : given.nodes;
  return plan_list{nodes * given.tokens, [&given, &kind, seed](std::size_t run) -> result<chaos::fault_plan> {
                     chaos::fault_plan plan;
                     plan.seed = seed;
                     plan.work = work_of(given);
                     plan.faults = {{kind.kind, static_cast<std::uint32_t>(run / given.tokens), chaos::microseconds(0),
                                     kind.lasts ? lasting_of(given) : chaos::microseconds(0), kind.parameter_usual,
                                     static_cast<std::uint32_t>(run % given.tokens)}};
                     TROUPE_CHECK(chaos::validate(plan));
                     return plan;
                   }};
}

/// `given` must outlive what comes back.
result<plan_list> plans_of(const chaos_command& given, std::uint64_t seed) {
  if (!given.scenario.empty()) {
    TROUPE_TRY(const std::string text, read_text(given.scenario));
    auto plan = chaos::parse_scenario(text);
    if (!plan) return std::move(plan).error().while_doing(given.scenario);
    if (!given.model.empty()) plan->work.model = given.model;
    return plan_list{given.runs.value_or(1),
                     [plan = std::move(*plan)](std::size_t) -> result<chaos::fault_plan> { return plan; }};
  }
  if (!given.each_token.empty()) return at_each_token(given, seed);
  chaos::draw_options options;
  options.work = work_of(given);
  options.real = given.real;
  options.recoverable = !given.any;
  options.faults_max = given.faults;
  options.lasting_max = lasting_of(given);
  // Work on small models is over soon; what comes later hits nothing.
  options.horizon = std::min<chaos::microseconds>(options.horizon, time_a_token * given.tokens);
  TROUPE_TRY(options.kinds, kinds_of(given.kinds));
  const std::size_t count = given.replay ? 1 : given.runs.value_or(given.real ? 10 : 1000);
  return plan_list{count, [first = given.replay.value_or(seed), options = std::move(options)](std::size_t run) {
                     return chaos::draw_plan(first + run, options);
                   }};
}

void list_kinds(console& out) {
  json listed = json::array();
  table shown{{"fault", "hits", "", "", "parameter", "meaning"}, {}};
  for (const chaos::fault_kind_info& each : chaos::fault_catalogue()) {
    const char* target = each.target == chaos::fault_target::node   ? "node"
                         : each.target == chaos::fault_target::part ? "part"
                                                                    : "cluster";
    listed.push_back({{"id", each.id},
                      {"target", target},
                      {"lasts", each.lasts},
                      {"simulated", each.simulated},
                      {"real", each.real},
                      {"recoverable", each.recoverable},
                      {"parameter", each.parameter},
                      {"meaning", each.meaning}});
    shown.rows.push_back({std::string(each.id), target, each.simulated ? "simulated" : "", each.real ? "real" : "",
                          std::string(each.parameter), std::string(each.meaning)});
  }
  out.object({{"faults", std::move(listed)}});
  out.print(shown);
}

/// Carries plans out one after the other.
using carry_out = std::function<result<chaos::run_report>(const chaos::fault_plan&)>;

/// Makes the first failure small and shows it.
void shrink_failure(const chaos::chaos_report& report, const carry_out& run, std::size_t runs_max, console& out,
                    json& shown) {
  const auto failed = std::find_if(report.runs.begin(), report.runs.end(),
                                   [](const chaos::run_report& each) { return !each.violations.empty(); });
  if (failed == report.runs.end()) return;
  std::size_t tried = 0;
  const auto fails = [&](const chaos::fault_plan& plan) {
    out.progress(fmt::format("shrinking seed {}: {} tried", plan.seed, ++tried));
    const auto again = run(plan);
    return again && !again->violations.empty();
  };
  const chaos::shrunk_plan small = chaos::shrink(failed->plan, fails, runs_max);
  out.clear_progress();
  const std::string scenario = chaos::print_scenario(small.plan);
  out.line("\nafter {} smaller runs, this is the smallest scenario found that fails:\n{}", small.runs, scenario);
  shown["smallest"] = scenario;
}

result<void> chaos_runs(const chaos_command& given, console& out) {
  if (given.list) {
    list_kinds(out);
    return {};
  }
  const std::uint64_t seed = given.seed ? *given.seed : std::random_device()();
  TROUPE_TRY(const auto plans, plans_of(given, seed));
  // What was drawn, not the seed alone: another version may draw something else.
  out.line("seed {}, {} schedules", given.replay.value_or(seed), plans.count);
  if (given.show) {
    for (std::size_t run = 0; run < plans.count; ++run) {
      TROUPE_TRY(const chaos::fault_plan plan, plans.plan(run));
      out.line("\n{}", chaos::print_scenario(plan));
    }
    return {};
  }

  std::optional<chaos::real_runner> processes;
  if (given.real) {
    chaos::real_options real;
    real.program = "/proc/self/exe";
    real.device = given.device;
    real.folder = given.folder;
    real.spare_nodes = given.spares;
    if (!given.scenario.empty() && given.model.empty())
      real.model_folder = std::filesystem::path(given.scenario).parent_path();
    processes.emplace(std::move(real));
  }
  const carry_out run = [&](const chaos::fault_plan& plan) {
    return processes ? processes->run(plan) : chaos::run_simulated(plan);
  };

  chaos::chaos_report report{processes ? "real processes" : "simulation", {}, {}};
  const auto carry_out_all = [&]() -> result<void> {
    for (std::size_t i = 0; i < plans.count; ++i) {
      out.progress(fmt::format("{} of {} done, {} with violations", i, plans.count, report.failed()));
      TROUPE_TRY(const chaos::fault_plan plan, plans.plan(i));
      TROUPE_TRY(chaos::run_report done, run(plan));
      if (plans.count <= 20 || !done.violations.empty()) {
        out.clear_progress();
        out.line("{}", chaos::summary_of(done));
      }
      report.add(std::move(done));
    }
    return {};
  };
  const result<void> all = carry_out_all();
  out.clear_progress();
  if (!all && report.carried_out() == 0) return all;
  out.text(chaos::text_of(report));
  json shown = json::parse(chaos::json_of(report));
  shown["seed"] = given.replay.value_or(seed);
  if (all && !given.no_shrink)
    shrink_failure(report, run, given.real ? real_shrink_runs : simulated_shrink_runs, out, shown);
  if (!given.junit.empty()) TROUPE_CHECK(write_text(given.junit, chaos::junit_of(report)));
  TROUPE_CHECK(all);
  if (report.failed() == 0) {
    out.object(shown);
    return {};
  }
  return error(errc::internal,
               fmt::format("{} of {} schedules violate what is promised", report.failed(), report.carried_out()));
}

}  // namespace

void add_chaos(program& to) {
  auto given = std::make_shared<chaos_command>();
  CLI::App& command = to.add("chaos", "Injects faults by plan, and checks what is promised nevertheless",
                             "troupe chaos --runs 10000 && troupe chaos --real --runs 20 --seed 7 --junit chaos.xml",
                             [given](console& out) { return chaos_runs(*given, out); });
  command.add_flag("--list", given->list, "Print the kinds of faults");
  command.add_flag("--real", given->real,
                   "Start real node processes on this machine, behind proxies, instead of simulating a cluster");
  command.add_option("--runs", given->runs, "Schedules to carry out")->check(CLI::Range(1, 1'000'000));
  command.add_option("--seed", given->seed,
                     "Seed of the first schedule; each further one has the next. Random if not given");
  command.add_option("--replay", given->replay, "Carry out the schedule of this seed alone");
  command.add_option("--scenario", given->scenario, "Carry out the schedule in this file")->type_name("FILE");
  command
      .add_option("--each-token", given->each_token, "A schedule for each node and token, with one fault of this kind")
      ->type_name("KIND");
  command.add_option("--kinds", given->kinds, "Draw only these kinds")->delimiter(',')->allow_extra_args(false);
  command.add_flag("--any", given->any, "Draw also faults after which a request may end with an error");
  command.add_option("--faults", given->faults, "Most faults in a schedule")->check(CLI::Range(1, 1000));
  command.add_option("--lasting", given->lasting_s, "Seconds that a fault may last; with --each-token, that it lasts")
      ->check(CLI::Range(0.001, 3600.0));
  command.add_option("--model", given->model, "Model to work with; without it a small network")->type_name("FILE");
  command.add_option("--nodes", given->nodes, "Node processes, each with a part")->check(CLI::Range(1, 64));
  command.add_option("--spares", given->spares, "Further node processes that take over")->check(CLI::Range(0, 16));
  command.add_option("--mode", given->mode, "How the model is spread")->check(CLI::IsMember({"pipeline", "data"}));
  command.add_option("--requests", given->requests, "Requests at the same time")->check(CLI::Range(1, 1024));
  command.add_option("--tokens", given->tokens, "Answers to each request")->check(CLI::Range(1, 65536));
  command.add_option("--deadline", given->deadline_s, "Seconds that a request may take")
      ->check(CLI::Range(0.001, 3600.0));
  command.add_option("--device", given->device, "Device of every process")->type_name("N|NAME");
  command.add_option("--folder", given->folder, "Folder in which nodes keep weights and pipelines")->type_name("DIR");
  command.add_option("--junit", given->junit, "Write the outcome for continuous integration")->type_name("FILE");
  command.add_flag("--no-shrink", given->no_shrink, "Leave the first failure as it was drawn");
  command.add_flag("--show", given->show, "Print the schedules and do nothing");
}

}  // namespace troupe::app
