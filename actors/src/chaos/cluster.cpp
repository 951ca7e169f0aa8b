#include "troupe/chaos/cluster.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <type_traits>

#include "seat.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::chaos {
namespace {

/// Longest wait for a fault that is to begin with a token.
constexpr std::chrono::seconds begin_patience{10};

}  // namespace

class cluster::conductor {
public:
  explicit conductor(cluster_options options) : options_(std::move(options)), thread_([this] { run(); }) {}
  ~conductor() {
    order([this] {
      stop_ = true;
      seats_.clear();
      return true;
    });
    thread_.join();
  }

  /// Does something on the thread and waits for what comes of it: processes live as long as the thread that made them.
  template <class Action>
  std::invoke_result_t<Action> order(Action what) {
    std::packaged_task<decltype(what())()> task(std::move(what));
    auto outcome = task.get_future();
    {
      const std::lock_guard held(mutex_);
      orders_.push_back([&task] { task(); });
    }
    changed_.notify_all();
    return outcome.get();
  }

  result<void> start_nodes() {
    for (std::uint32_t number = 0; number < options_.nodes; ++number) {
      TROUPE_TRY(auto made, seat::start(options_, number));
      seats_.push_back(std::move(made));
    }
    return {};
  }

  result<void> begin(std::vector<fault> faults, cluster_hooks hooks) {
    if (running_) return error(errc::unavailable, "other faults are under way; end them first");
    for (const fault& each : faults) TROUPE_CHECK(check(each));
    running_ = true;
    hooks_ = std::move(hooks);
    log_ = {};
    {
      const std::lock_guard held(mutex_);
      tokens_ = tokens_seen_ = std::nullopt;
    }
    const time_point now = steady_clock::now();
    for (const fault& each : faults) {
      ++log_.kinds[each.kind].drawn;
      pending_.push_back({each, each.token ? std::nullopt : std::optional(now + each.at)});
    }
    return {};
  }

  cluster_log end() {
    for (const auto& [each, ends] : client_faults_) hooks_.client(each, false);
    client_faults_.clear();
    pending_.clear();
    std::vector<fault> undone;
    for (const auto& each : seats_) {
      note(each->restore(undone));
      collect(*each);
    }
    for (const fault& each : undone) {
      --log_.kinds[each.kind].fired;
      const auto last =
          std::find_if(log_.begun.rbegin(), log_.begun.rend(), [&](const auto& begun) { return begun.first == each; });
      if (last != log_.begun.rend()) log_.begun.erase(std::next(last).base());
    }
    running_ = false;
    hooks_ = {};
    return std::move(log_);
  }

  void at_token(std::uint32_t count) {
    std::unique_lock held(mutex_);
    if (tokens_ && count <= *tokens_) return;
    tokens_ = count;
    changed_.notify_all();
    // The thread looks at the count and begins what waited for it.
    done_.wait_for(held, begin_patience, [this] { return tokens_seen_ == tokens_; });
  }
  std::string name_of(std::uint32_t node) const { return node < seats_.size() ? seats_[node]->name() : std::string(); }
  std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    for (const auto& each : seats_) all.push_back(each->address());
    return all;
  }

private:
  struct pending_fault {
    fault what;
    std::optional<time_point> when;
  };

  result<void> check(const fault& each) const {
    fault_plan alone;
    alone.work.nodes = std::max(options_.nodes, 1u);
    alone.faults = {each};
    TROUPE_CHECK(validate(alone));
    if (!info_of(each.kind).real)
      return fail(errc::unsupported, "{} can be simulated, but not injected into real processes",
                  info_of(each.kind).id);
    return {};
  }

  void run() {
    // The host's signals are for the host's own threads.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    while (!stop_) {
      std::vector<std::function<void()>> orders;
      {
        std::unique_lock held(mutex_);
        changed_.wait_until(held, next(), [this] { return !orders_.empty() || tokens_seen_ != tokens_; });
        orders.swap(orders_);
      }
      for (const auto& each : orders) each();
      std::unique_lock held(mutex_);
      const auto tokens = tokens_;
      held.unlock();
      play(tokens);
      held.lock();
      tokens_seen_ = tokens;
      done_.notify_all();
    }
  }

  time_point next() const {
    time_point when = steady_clock::now() + std::chrono::hours(1);
    for (const pending_fault& each : pending_)
      if (each.when) when = std::min(when, *each.when);
    for (const auto& each : seats_) when = std::min(when, each->next());
    for (const auto& [each, ends] : client_faults_) when = std::min(when, ends);
    return when;
  }

  /// Does what is due.
  void play(std::optional<std::uint32_t> tokens) {
    const time_point now = steady_clock::now();
    for (pending_fault& each : pending_)
      if (!each.when && tokens && *each.what.token <= *tokens) each.when = now + each.what.at;
    std::vector<fault> due;
    std::erase_if(pending_, [&](const pending_fault& each) {
      if (!each.when || *each.when > now) return false;
      due.push_back(each.what);
      return true;
    });
    for (const fault& each : due) inject(each);
    for (std::uint32_t i = 0; i < seats_.size(); ++i) {
      if (seats_[i]->next() <= now) note(seats_[i]->advance(now, [&] { return !hooks_.uses || hooks_.uses(i); }));
      collect(*seats_[i]);
    }
    std::erase_if(client_faults_, [&](const auto& each) {
      if (each.second > now) return false;
      hooks_.client(each.first, false);
      return true;
    });
  }

  void inject(const fault& each) {
    kind_count& count = log_.kinds[each.kind];
    ++count.armed;
    const time_point now = steady_clock::now();
    const fault_kind_info& kind = info_of(each.kind);
    bool fired = false;
    if (each.kind == fault_kind::p9_sleep) {
      for (const auto& node : seats_) fired = take(node->begin(each, now)) || fired;
    } else if (kind.target == fault_target::node) {
      fired = take(seats_[each.node]->begin(each, now));
    } else if (hooks_.client) {
      fired = hooks_.client(each, true);
      if (fired && kind.lasts) client_faults_.emplace_back(each, now + each.lasting);
    }
    if (!fired) return;
    ++count.fired;
    log_.begun.emplace_back(each, now);
  }

  bool take(result<bool> outcome) {
    if (!outcome) log_.problems.push_back(outcome.error().to_string());
    return outcome && *outcome;
  }
  void note(result<void> outcome) {
    if (!outcome) log_.problems.push_back(outcome.error().to_string());
  }
  void collect(seat& from) {
    for (std::string& each : from.take_problems()) log_.problems.push_back(std::move(each));
  }

  const cluster_options options_;
  // Of the thread alone.
  std::vector<std::unique_ptr<seat>> seats_;
  std::vector<pending_fault> pending_;
  std::vector<std::pair<fault, time_point>> client_faults_;  ///< that last, and when they end
  cluster_hooks hooks_;
  cluster_log log_;
  bool running_ = false, stop_ = false;
  // Of all threads.
  std::mutex mutex_;
  std::condition_variable changed_, done_;
  std::vector<std::function<void()>> orders_;
  std::optional<std::uint32_t> tokens_, tokens_seen_;
  std::thread thread_;
};

result<std::unique_ptr<cluster>> cluster::start(cluster_options options) {
  if (options.nodes == 0 || options.nodes > limits::nodes_max)
    return fail(errc::invalid_argument, "{} nodes cannot be started; 1 to {} can", options.nodes, limits::nodes_max);
  auto made = std::make_unique<conductor>(std::move(options));
  conductor& conducts = *made;
  TROUPE_CHECK(conducts.order([&] { return conducts.start_nodes(); }));
  return std::unique_ptr<cluster>(new cluster(std::move(made)));
}

cluster::cluster(std::unique_ptr<conductor> made) : conductor_(std::move(made)) {}
cluster::~cluster() = default;

std::vector<std::string> cluster::addresses() const {
  return conductor_->order([this] { return conductor_->addresses(); });
}

std::string cluster::name_of(std::uint32_t node) const {
  return conductor_->order([&] { return conductor_->name_of(node); });
}

result<void> cluster::begin(std::vector<fault> faults, cluster_hooks hooks) {
  return conductor_->order([&] { return conductor_->begin(std::move(faults), std::move(hooks)); });
}

void cluster::at_token(std::uint32_t count) {
  conductor_->at_token(count);
}

cluster_log cluster::end() {
  return conductor_->order([this] { return conductor_->end(); });
}

}  // namespace troupe::chaos
