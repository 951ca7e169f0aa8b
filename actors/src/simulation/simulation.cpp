#include "simulation/simulation.hpp"

#include <map>
#include <tuple>
#include <utility>

#include "simulation/fault_injector.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::simulation {
namespace {

constexpr std::uint32_t workers_max = 8, shards_max = 8, requests_max = 64;
/// For hosts to start and the model to load, and for everything to end.
constexpr std::chrono::seconds start_patience{30}, stop_patience{30};
/// Plans of models kept for the next schedule.
constexpr std::size_t prepared_max = 64;

result<void> check(const fault_plan& plan) {
  const workload& work = plan.work;
  const bool sessions = work.what == workload::shape::sessions;
  if (work.workers > workers_max || work.shards < 1 || work.shards > shards_max || work.requests < 1 ||
      work.requests > requests_max || work.sessions < 1 || work.sessions > (sessions ? 2u : 64u))
    return fail(errc::invalid_argument,
                "a workload has at most {} workers, 1 to {} shards, 1 to {} requests and 1 to {} sessions", workers_max,
                shards_max, requests_max, sessions ? 2 : 64);
  if (work.every.count() < 0 || work.deadline.count() <= 0)
    return fail(errc::invalid_argument, "a workload's pause is at least 0 and its deadline more");
  for (const fault& each : plan.faults)
    if (each.at.count() < 0 || each.lasting.count() < 0 || each.kind >= fault_kind::count)
      return fail(errc::invalid_argument, "a fault has a kind, and times of at least 0");
  return {};
}

/// Whether a host may give up the parts that it has.
bool loses_place(fault_kind kind) {
  switch (kind) {
    case fault_kind::load_fails:
    case fault_kind::no_device_memory:
    case fault_kind::kill_supervisor:
    case fault_kind::kill_node_actor:
    case fault_kind::kill_process:
    case fault_kind::power_loss: return true;
    default: return false;
  }
}

/// Cutting a model takes longer than a schedule.
result<std::shared_ptr<prepared_model>> prepare(const workload& work, const simulation_options& options) {
  using key = std::tuple<std::shared_ptr<const model_under_test>, workload::shape, std::uint32_t>;
  thread_local std::map<key, std::shared_ptr<prepared_model>> known;
  const auto model = options.model ? options.model : stub_model(work.what == workload::shape::sessions);
  const key which{model, work.what, work.shards};
  if (const auto found = known.find(which); found != known.end()) return found->second;
  TROUPE_TRY(auto made, prepared_model::make(model, work));
  if (known.size() >= prepared_max) known.clear();
  known.emplace(which, made);
  return made;
}

/// One schedule from its beginning to its end.
class schedule {
public:
  schedule(const fault_plan& plan, const simulation_options& options, std::shared_ptr<prepared_model> model)
      : plan_(plan),
        options_(options),
        cluster_(plan.seed, plan.work.workers + 1, model,
                 {[this](const std::string& invariant, std::string what) { broken(invariant, std::move(what)); },
                  options.trace}),
        program_(cluster_, *model, plan.work,
                 {[this](const std::string& invariant, std::string what) { broken(invariant, std::move(what)); },
                  [this] { loaded(); }}),
        injector_(cluster_, program_),
        began_(cluster_.now()) {}

  simulation_report run() {
    program_.start();
    if (!run_until([&] { return program_.loaded(); }, began_ + start_patience))
      broken("start", "the model is not loaded in time");
    else
      work();
    end();
    report_.trace_hash = cluster_.trace_hash();
    report_.steps = cluster_.steps();
    report_.virtual_time = since(began_);
    report_.armed = injector_.armed();
    report_.fired = injector_.fired();
    report_.answered = program_.answered();
    report_.failed = program_.failed();
    report_.last_failure = program_.last_failure();
    report_.recoveries = program_.recoveries();
    return std::move(report_);
  }

private:
  std::chrono::microseconds since(time_point then) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(cluster_.now() - then);
  }
  void broken(const std::string& invariant, std::string what) {
    cluster_.trace("VIOLATION {}: {}", invariant, what);
    report_.violations.push_back({invariant, std::move(what), since(began_)});
  }
  void loaded() {
    cluster_.trace("loaded");
    injector_.arm(plan_.faults);
  }

  template <class Condition>
  bool run_until(Condition condition, time_point end) {
    while (!condition()) {
      if (!report_.violations.empty()) return false;
      if (cluster_.now() >= end || !cluster_.step()) return false;
      if (cluster_.steps() > options_.steps_max) {
        broken("L", fmt::format("{} steps are not enough", options_.steps_max));
        return false;
      }
    }
    return true;
  }

  void work() {
    duration faults{};
    for (const fault& each : plan_.faults) faults = std::max<duration>(faults, each.at + each.lasting);
    const time_point healed = cluster_.now() + faults + options_.healing;
    const auto idle = [&] { return program_.finished() && injector_.over(); };
    if (!run_until(idle, healed)) {
      if (report_.violations.empty())
        broken("L", "not every client has its answers; the last failure: " + last_failure());
      return;
    }
    if (injector_.model_ended()) return;
    program_.prove_healed();
    if (!run_until([&] { return program_.healed(); }, cluster_.now() + options_.healing) && report_.violations.empty())
      broken("L", "the cluster does not answer again after the faults; the last failure: " + last_failure());
  }
  std::string last_failure() const { return program_.last_failure().empty() ? "none" : program_.last_failure(); }

  void end() {
    program_.finish();
    if (!report_.violations.empty()) return;  // what follows would only repeat it
    for (const auto& host : cluster_.hosts()) cluster_.stop(host.number);
    const auto all_stopped = [&] {
      return std::all_of(cluster_.hosts().begin(), cluster_.hosts().end(),
                         [&](const auto& host) { return cluster_.stopped(host.number); });
    };
    if (!run_until(all_stopped, cluster_.now() + stop_patience))
      return broken("I10", "not every host comes to its end");
    for (const auto& host : cluster_.hosts()) cluster_.release(host.number);
    const time_point quiet = cluster_.now() + stop_patience;
    run_until([&] { return cluster_.actors_alive() == 0; }, quiet);
    if (const std::size_t left = cluster_.actors_alive(); left > 0)
      broken("I10", fmt::format("{} actors outlive their hosts", left));
    for (const auto& host : cluster_.hosts())
      if (host.device && host.device->programs != 0)
        broken("I10", fmt::format("{} programs of host {} outlive it", host.device->programs, host.number));
  }

  const fault_plan& plan_;
  const simulation_options& options_;
  simulation_report report_;
  simulated_cluster cluster_;
  host_program program_;
  fault_injector injector_;
  const time_point began_;
};

}  // namespace

result<simulation_report> run_simulated(const fault_plan& plan, const simulation_options& options) {
  TROUPE_CHECK(check(plan));
  TROUPE_TRY(auto model, prepare(plan.work, options));
  const host_scope scope;
  return schedule(plan, options, std::move(model)).run();
}

fault_plan draw_plan(std::uint64_t seed, std::uint32_t faults_max) {
  using namespace std::chrono_literals;
  wire::seeded_numbers random(seed ^ 0x6a09e667f3bcc908u);
  fault_plan made;
  made.seed = seed;
  made.work.what = static_cast<workload::shape>(random.below(3));
  made.work.workers = 1 + static_cast<std::uint32_t>(random.below(3));
  made.work.shards = 1 + static_cast<std::uint32_t>(random.below(3));
  made.work.requests = 2 + static_cast<std::uint32_t>(random.below(6));
  made.work.sessions = 1 + static_cast<std::uint32_t>(random.below(2));
  made.work.every = std::chrono::microseconds(random.below(4) * 1000);
  made.work.deadline = 20s;
  bool gives_up = false;
  for (std::uint64_t faults = random.below(faults_max + 1); faults > 0; --faults) {
    fault drawn;
    drawn.kind = static_cast<fault_kind>(random.below(fault_kinds));
    drawn.node = static_cast<std::uint32_t>(random.below(made.work.workers + 1));
    drawn.parameter = random.below(made.work.workers + 1);
    drawn.at = std::chrono::microseconds(random.below(30'000));
    // Mostly short; sometimes longer than anybody waits for a sign of life.
    drawn.lasting = std::chrono::microseconds(random.below(random.below(4) == 0 ? 5'000'000 : 40'000));
    // A model for which every host has given a part up stays ended: one such loss is enough for a plan.
    // The program's own host is the last one left when links are lost.
    if (loses_place(drawn.kind) && (drawn.node == 0 || std::exchange(gives_up, true)))
      drawn.kind = fault_kind::kill_shard;
    made.faults.push_back(drawn);
  }
  return made;
}

}  // namespace troupe::simulation
