#include "troupe/chaos/real.hpp"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "troupe/engine/detail/fail.hpp"
#include "work.hpp"

namespace troupe::chaos {
namespace {

using namespace std::chrono_literals;

constexpr const char* host_name = "chaos-host";
/// How long parts may take to come back to nodes that were away: the links are tried again after up to 5 s.
constexpr std::chrono::seconds healing_patience{60};
constexpr std::chrono::milliseconds look_pause{20};
/// What an answer may be later than its deadline.
constexpr std::chrono::seconds deadline_grace{1};

using streams = std::vector<std::vector<std::uint64_t>>;

/// What faults want from the thread that works.
struct client_wishes {
  std::atomic<int> pauses{0};
  std::atomic<bool> cancel{false};
  std::atomic<std::uint64_t> flood{0};
};

/// One plan's work, watched.
struct watched_work {
  streams answers;
  std::vector<std::optional<request_end>> ends;
  std::vector<bool> cancelled;
  struct moment {
    time_point when;
    std::uint64_t recoveries;
  };
  std::vector<moment> moments;  ///< of each answer
  std::vector<violation> violations;
  std::uint64_t recoveries = 0;
};

load_options how_to_load(const workload& work, const std::string& device) {
  load_options how;
  // The reference device keeps 32 bits inside a part, of which links carry what the storage has: only with 32 bits
  // there too do its answers not depend on where parts are.
  if (device == "reference") how.storage = dtype::f32;
  how.parallel = work.mode;
  how.shards = work.nodes;
  how.seed = 1;
  return how;
}

class worker {
public:
  worker(work_run& run, const workload& work, const streams* expected, client_wishes& wishes,
         const std::function<void(std::uint32_t)>& at_token)
      : run_(run), work_(work), expected_(expected), wishes_(wishes), at_token_(at_token) {}

  watched_work go() {
    started_ = steady_clock::now();
    seen_.answers.resize(work_.requests);
    seen_.ends.resize(work_.requests);
    seen_.cancelled.resize(work_.requests);
    const time_point deadline = started_ + work_.deadline;
    at_token_(0);
    while (open_ > 0 || run_.open_extras() > 0) {
      if (steady_clock::now() > deadline + deadline_grace) {
        for (std::uint32_t request = 0; request < work_.requests; ++request)
          if (!seen_.ends[request] && !seen_.cancelled[request])
            wrong("I1", fmt::format("request {} has no answer a second after its deadline", request));
        if (run_.open_extras() > 0) wrong("I1", "requests beyond the limits have no answer");
        break;
      }
      obey();
      if (wishes_.pauses > 0) {
        std::this_thread::sleep_for(1ms);
        continue;
      }
      std::vector<answer> answers;
      std::vector<request_end> ends;
      run_.next(deadline, answers, ends);
      for (const answer& each : answers) take(each);
      for (request_end& each : ends) take(std::move(each));
      if (!answers.empty()) at_token_(static_cast<std::uint32_t>(seen_.answers[0].size()));
    }
    seen_.recoveries = run_.recoveries();
    return std::move(seen_);
  }

private:
  void wrong(const char* invariant, std::string what) {
    // One for each request and invariant is enough to know.
    if (seen_.violations.size() < 2 * work_.requests)
      seen_.violations.push_back(
          {invariant, std::move(what), std::chrono::duration_cast<microseconds>(steady_clock::now() - started_)});
  }

  void obey() {
    if (wishes_.cancel.exchange(false) && run_.cancel_last() && !seen_.cancelled.back()) {
      seen_.cancelled.back() = true;
      if (!seen_.ends.back()) --open_;
    }
    if (const std::uint64_t count = wishes_.flood.exchange(0)) run_.flood(count);
  }

  void take(const answer& each) {
    auto& stream = seen_.answers[each.request];
    const std::size_t index = stream.size();
    stream.push_back(each.value);
    seen_.moments.push_back({steady_clock::now(), run_.recoveries()});
    if (seen_.ends[each.request] || seen_.cancelled[each.request])
      wrong("I3", fmt::format("request {} gets answer {} after its end", each.request, index));
    if (index >= work_.tokens) return wrong("I3", fmt::format("request {} gets an answer too many", each.request));
    if (expected_ && (*expected_)[each.request][index] != each.value)
      wrong("I2", fmt::format("answer {} of request {} is {}, and {} without faults", index, each.request, each.value,
                              (*expected_)[each.request][index]));
  }

  void take(request_end each) {
    const std::uint32_t request = each.request;
    if (seen_.ends[request]) return wrong("I1", fmt::format("request {} is answered a second time", request));
    if (each.failure)
      wrong("I1", fmt::format("request {} ends after {} answers with: {}", request, seen_.answers[request].size(),
                              each.failure->to_string()));
    else if (seen_.answers[request].size() != work_.tokens)
      wrong("I3", fmt::format("request {} ends with {} answers instead of {}", request, seen_.answers[request].size(),
                              work_.tokens));
    seen_.ends[request] = std::move(each);
    if (!seen_.cancelled[request]) --open_;
  }

  work_run& run_;
  const workload& work_;
  const streams* expected_;
  client_wishes& wishes_;
  const std::function<void(std::uint32_t)>& at_token_;
  watched_work seen_;
  std::size_t open_ = work_.requests;
  time_point started_;
};

/// From each loss that cost an answer time to that answer.
std::vector<double> recovery_times(const cluster_log& log, const watched_work& seen) {
  std::vector<double> times;
  std::uint64_t before = 0;
  time_point last{};
  for (const auto& [when, recoveries] : seen.moments) {
    if (recoveries > before) {
      // The fault that did it: the first one since the last answer, or else the last one before.
      const fault* guilty = nullptr;
      time_point began{};
      for (const auto& [each, at] : log.begun) {
        if (at > when) break;
        if (guilty && began >= last) break;
        guilty = &each;
        began = at;
      }
      if (guilty) times.push_back(std::chrono::duration<double>(when - began).count());
    }
    before = recoveries;
    last = when;
  }
  return times;
}

}  // namespace

struct real_runner::state {
  real_options options;
  std::unique_ptr<cluster> nodes;
  std::uint32_t node_count = 0;
  // The work that was done last, and its answers without faults.
  std::optional<workload> known;
  std::uint64_t known_seed = 0;
  std::unique_ptr<work_source> source;
  streams expected;
  std::optional<troupe::system> alone;

  std::string path_of(const std::string& file) const {
    if (file.empty() || std::filesystem::path(file).is_absolute()) return file;
    return (options.model_folder / file).string();
  }

  /// Makes `source` and `expected` those of the plan.
  result<void> know(const fault_plan& plan) {
    const workload& work = plan.work;
    if (!known || known->model != work.model || known->requests != work.requests) {
      known.reset();  // `expected` is not that of another source, should something fail before it is known
      TROUPE_TRY(source, open_work(path_of(work.model), work.requests));
    } else if (known == work && known_seed == plan.seed) {
      return {};
    }
    if (!alone) {
      system_options plain;
      plain.device = options.device;
      TROUPE_TRY(troupe::system made, troupe::system::make(std::move(plain)));
      alone.emplace(std::move(made));
    }
    TROUPE_TRY(const model loaded, alone->load(source->network(), how_to_load(work, options.device)));
    TROUPE_TRY(const auto run, source->begin(loaded, work, plan.seed));
    client_wishes none;
    const std::function<void(std::uint32_t)> nothing = [](std::uint32_t) {};
    watched_work seen = worker(*run, work, nullptr, none, nothing).go();
    if (!seen.violations.empty())
      return fail(errc::unavailable, "the work cannot be done without faults either: {}", seen.violations[0].what);
    expected = std::move(seen.answers);
    known = work;
    known_seed = plan.seed;
    return {};
  }

  result<void> start_nodes(std::uint32_t count) {
    if (nodes && node_count == count) return {};
    nodes.reset();
    TROUPE_TRY(nodes, cluster::start({.program = options.program,
                                      .nodes = count,
                                      .device = options.device,
                                      .folder = options.folder,
                                      .host_name = host_name}));
    node_count = count;
    return {};
  }

  /// Waits until the parts are where they were at first: one on each node.
  bool healed(const model& loaded, std::uint32_t parts) const {
    const time_point deadline = steady_clock::now() + healing_patience;
    do {
      const auto places = loaded.placement();
      std::set<std::string> used;
      if (places)
        for (const part_placement& each : *places) used.insert(each.node);
      used.erase(host_name);
      if (used.size() >= std::min(parts, node_count)) return true;
      std::this_thread::sleep_for(look_pause);
    } while (steady_clock::now() < deadline);
    return false;
  }

  result<run_report> run(const fault_plan& plan) {
    TROUPE_CHECK(validate(plan));
    TROUPE_CHECK(know(plan));
    TROUPE_CHECK(start_nodes(plan.work.nodes + options.spare_nodes));
    const time_point started = steady_clock::now();
    system_options host_options;
    host_options.name = host_name;
    host_options.device = options.device;
    host_options.nodes = nodes->addresses();
    host_options.allow_fault_injection = true;
    // Loss after loss is what plans are for: limits that are meant for programs would end the work.
    host_options.restarts = {1000, 1min};
    TROUPE_TRY(troupe::system host, troupe::system::make(std::move(host_options)));
    TROUPE_TRY(const model loaded, host.load(source->network(), how_to_load(plan.work, options.device)));
    TROUPE_TRY(const auto run, source->begin(loaded, plan.work, plan.seed));

    client_wishes wishes;
    cluster_hooks hooks;
    hooks.client = [&](const fault& what, bool begins) { return client_fault(host, loaded, wishes, what, begins); };
    std::vector<std::string> names;
    for (std::uint32_t node = 0; node < node_count; ++node) names.push_back(nodes->name_of(node));
    hooks.uses = [&loaded, names](std::uint32_t node) {
      const auto places = loaded.placement();
      const std::string& name = names[node];
      return !places ||
             std::any_of(places->begin(), places->end(), [&](const part_placement& each) { return each.node == name; });
    };
    TROUPE_CHECK(nodes->begin(plan.faults, std::move(hooks)));
    const std::function<void(std::uint32_t)> at_token = [&](std::uint32_t count) { nodes->at_token(count); };
    watched_work seen = worker(*run, plan.work, &expected, wishes, at_token).go();
    cluster_log log = nodes->end();

    run_report report;
    report.plan = plan;
    report.kinds = log.kinds;
    report.violations = std::move(seen.violations);
    for (std::string& each : log.problems) report.violations.push_back({"I17", std::move(each)});
    for (const auto& stream : seen.answers) report.answers += stream.size();
    report.recoveries = seen.recoveries;
    report.recovery_s = recovery_times(log, seen);
    if (!log.begun.empty() && !healed(loaded, plan.work.nodes))
      report.violations.push_back({"I19", "the parts do not come back to the nodes"});
    report.seconds = std::chrono::duration<double>(steady_clock::now() - started).count();
    return report;
  }

  static bool client_fault(troupe::system& host, const model& loaded, client_wishes& wishes, const fault& what,
                           bool begins) {
    switch (what.kind) {
      case fault_kind::a1_part_crash: return begins && host.kill_part(loaded, what.node).has_value();
      case fault_kind::a5_flood: wishes.flood = what.parameter; return true;
      case fault_kind::c1_cancel: wishes.cancel = true; return true;
      case fault_kind::c2_slow_reader: wishes.pauses += begins ? 1 : -1; return true;
      default: return false;
    }
  }
};

real_runner::real_runner(real_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
}
real_runner::real_runner(real_runner&&) noexcept = default;
real_runner& real_runner::operator=(real_runner&&) noexcept = default;
real_runner::~real_runner() = default;

result<run_report> real_runner::run(const fault_plan& plan) {
  return state_->run(plan);
}

}  // namespace troupe::chaos
