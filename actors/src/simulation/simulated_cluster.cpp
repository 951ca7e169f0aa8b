#include "simulation/simulated_cluster.hpp"

#include <algorithm>
#include <caf/actor_registry.hpp>
#include <caf/logger.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/send.hpp>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::simulation {
namespace {

constexpr std::chrono::microseconds job_time{1};
/// One job in so many loses the processor for a while.
constexpr std::uint64_t preempted_one_in = 64;
constexpr std::chrono::microseconds preempted_at_most{3000};
constexpr std::chrono::microseconds device_step_least{200}, device_step_spread{600};
constexpr int slow_factor = 10;

time_point start_of_time() {
  return time_point(std::chrono::seconds(1000));
}

caf::scheduler::test_coordinator& scheduler_of(caf::actor_system& actors) {
  return dynamic_cast<caf::scheduler::test_coordinator&>(actors.scheduler());
}

}  // namespace

simulated_cluster::simulated_cluster(std::uint64_t seed, std::uint32_t hosts, std::shared_ptr<prepared_model> model,
                                     observer told)
    : told_(std::move(told)),
      model_(std::move(model)),
      time_(start_of_time()),
      random_(seed),
      devices_(random_.next()),
      config_({.threads = 1, .throughput = 1, .simulated = true}),
      actors_(std::make_shared<caf::actor_system>(config_)),
      scheduler_(scheduler_of(*actors_)),
      hosts_(hosts) {
  scheduler_.clock().current_time = time_.now();
  while (scheduler_.try_run_once()) continue;
  own_actors_ = actors_->registry().running();
  first_id_ = seen_ = actors_->latest_actor_id();
  wire::simulated_network::observer watch;
  watch.entering = [this](std::uint32_t number) {
    claim();
    enter(number);
  };
  watch.delivered = [this](std::uint32_t from, std::uint32_t to, std::uint64_t digest) {
    note(digest);
    trace("frame {} -> {}", from, to);
  };
  watch.closed = [this](std::uint32_t number, std::uint32_t peer, const error& why) {
    note(0xc105ed00u + number * 256 + peer);
    trace("host {} loses its link to {}: {}", number, peer, why.to_string());
  };
  watch.accepted_damage = [this](std::uint32_t from, std::uint32_t to) {
    told_.violated("I17", fmt::format("a damaged frame from host {} passes at host {}", from, to));
  };
  network_ = std::make_unique<wire::simulated_network>(time_, random_.next(), std::move(watch));
  for (std::uint32_t number = 0; number < hosts; ++number) hosts_[number].number = number;
}

simulated_cluster::~simulated_cluster() {
  for (host& each : hosts_) {
    if (each.alive) kill(each.number, true);
    release(each.number);
  }
  time_.clear();
  network_.reset();
  known_.clear();
  scheduler_.clock().cancel_all();
  while (scheduler_.try_run_once()) continue;
  caf::logger::set_current_actor_system(nullptr);
}

void simulated_cluster::note(std::uint64_t what) {
  hash_ = (hash_ ^ what) * 0x100000001b3u;
  hash_ ^= hash_ >> 29;
}

void simulated_cluster::write_trace(const std::string& line) {
  const auto at = std::chrono::duration_cast<std::chrono::microseconds>(now() - start_of_time());
  told_.trace(fmt::format("{:>10} us  {}", at.count(), line));
}

void simulated_cluster::enter(std::uint32_t number) {
  present_ = number;
}

// Actors that came since belong to the host whose code ran.
void simulated_cluster::claim() {
  const caf::actor_id newest = actors_->latest_actor_id();
  if (newest == seen_) return;
  owners_.resize(static_cast<std::size_t>(newest - first_id_), static_cast<std::uint8_t>(present_));
  seen_ = newest;
}

std::uint32_t simulated_cluster::host_of(caf::actor_id id) const {
  if (id <= first_id_ || id - first_id_ > owners_.size()) return 0;
  return owners_[static_cast<std::size_t>(id - first_id_ - 1)];
}

void simulated_cluster::park(caf::resumable* job, duration lasting) {
  const std::uint64_t ticket = ++tickets_;
  parked_.emplace(ticket, job);
  time_.after(lasting, [this, ticket, job] {
    if (parked_.erase(ticket) == 0) return;
    rested_.insert(job);
    scheduler_.jobs.push_back(job);
  });
}

bool simulated_cluster::hold_back(caf::resumable* job, caf::scheduled_actor& self, std::uint32_t owner) {
  host& here = hosts_[owner];
  if (here.frozen) {
    here.parked.push_back(job);
    return true;
  }
  if (rested_.erase(job) != 0) return false;
  if (!hangs_.empty()) {
    if (const auto hung = hangs_.find(self.id()); hung != hangs_.end()) {
      park(job, hung->second);
      hangs_.erase(hung);
      return true;
    }
  }
  if (std::strcmp(self.name(), "troupe.device") == 0) {
    duration taken = device_step_least + std::chrono::microseconds(devices_.below(device_step_spread.count()));
    if (here.slow_until && now() < *here.slow_until) taken *= slow_factor;
    if (const auto hung = std::exchange(here.hang_next, std::nullopt)) taken += *hung;
    park(job, taken);
    return true;
  }
  if (random_.below(preempted_one_in) == 0) {
    park(job, std::chrono::microseconds(1 + random_.below(preempted_at_most.count())));
    return true;
  }
  return false;
}

void simulated_cluster::run_job(std::size_t place) {
  auto& jobs = scheduler_.jobs;
  caf::resumable* job = jobs[place];
  auto* self = job->subtype() == caf::resumable::scheduled_actor ? dynamic_cast<caf::scheduled_actor*>(job) : nullptr;
  if (!self) {
    std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(place),
                jobs.begin() + static_cast<std::ptrdiff_t>(place) + 1);
    scheduler_.try_run_once();
    return;
  }
  const std::uint32_t owner = host_of(self->id());
  if (hold_back(job, *self, owner)) {
    jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(place));
    return;
  }
  if (known_ids_.insert(self->id()).second && std::strncmp(self->name(), "troupe.", 7) == 0)
    known_.push_back({self->address(), owner, self->name()});
  note(self->id() - first_id_);
  trace("{} of host {} ({})", self->name(), owner, self->id() - first_id_);
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(place),
              jobs.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  enter(owner);
  scheduler_.try_run_once();
  claim();
  time_.advance(now() + job_time);
}

bool simulated_cluster::step() {
  ++steps_;
  for (;;) {
    auto& clock = scheduler_.clock();
    clock.current_time = now();
    if (!clock.schedule().empty() && clock.schedule().begin()->first <= now()) clock.advance_time(duration{});
    const bool due = time_.next() && *time_.next() <= now();
    const std::size_t jobs = scheduler_.jobs.size();
    if (jobs > 0 && !(due && random_.below(2) == 0)) {
      run_job(jobs == 1 ? 0 : random_.below(jobs));
      return true;
    }
    if (due) {
      time_.run_next();
      claim();
      return true;
    }
    std::optional<time_point> next = time_.next();
    if (!clock.schedule().empty())
      next = next ? std::min(*next, clock.schedule().begin()->first) : clock.schedule().begin()->first;
    if (!next) return false;
    time_.advance(*next);
  }
}

void simulated_cluster::start(std::uint32_t number, std::function<void()> ready) {
  host& here = hosts_[number];
  here.alive = true;
  here.frozen = false;
  here.device = std::make_shared<device_conduct>();
  here.device->now = [this] { return now(); };
  here.core = std::make_shared<system_core>();
  system_core& core = *here.core;
  core.options.name = fmt::format("host {}", number);
  core.operators = model_->operators();
  core.machine.actors = actors_;
  core.machine.network = network_->attach(number);
  core.machine.random = [this] { return random_.next(); };
  core.machine.available_memory = [] { return std::uint64_t{1} << 40; };
  core.machine.open_device = [model = model_, conduct = here.device]() -> result<std::shared_ptr<device>> {
    TROUPE_TRY(auto real, model->open_device());
    return with_conduct(std::move(real), conduct);
  };
  core.options.on_event = [this, number](const supervision_event& event) {
    trace("host {}: {} {} {} {}", number, event.supervisor, to_string(event.kind), event.child, event.reason);
  };
  as_host(number, [&] {
    const auto missing = std::make_shared<int>(2);
    const auto count_down = [missing, ready = std::move(ready)](bool) {
      if (--*missing == 0 && ready) ready();
    };
    if (auto started = core.start_actors(count_down, count_down); !started)
      told_.violated("start", started.error().to_string());
    if (auto port = core.links->listen(wire::simulated_network::address_of(number)); !port)
      told_.violated("start", port.error().to_string());
  });
}

void simulated_cluster::freeze(std::uint32_t number) {
  hosts_[number].frozen = true;
  network_->freeze(number);
}

void simulated_cluster::thaw(std::uint32_t number) {
  host& here = hosts_[number];
  if (!std::exchange(here.frozen, false)) return;
  for (caf::resumable* job : std::exchange(here.parked, {})) scheduler_.jobs.push_back(job);
  network_->thaw(number);
  claim();
}

void simulated_cluster::kill(std::uint32_t number, bool silently) {
  host& here = hosts_[number];
  if (!std::exchange(here.alive, false)) return;
  claim();
  network_->sever(number, silently);
  here.frozen = false;
  ++here.life;
  // What its actors still do is heard by nobody: they are only taken down.
  for (caf::resumable* job : std::exchange(here.parked, {})) scheduler_.jobs.push_back(job);
  const auto of_host = [&](caf::resumable* job) {
    const auto* self = dynamic_cast<caf::scheduled_actor*>(job);
    return self && host_of(self->id()) == number;
  };
  std::erase_if(parked_, [&](const auto& each) {
    if (!of_host(each.second)) return false;
    scheduler_.jobs.push_back(each.second);
    return true;
  });
  enter(number);
  if (here.core && here.core->root) kill_now(here.core->root.address(), here.core->root);
  for (const known_actor& each : known_)
    if (each.host == number)
      if (const auto alive = caf::actor_cast<caf::actor>(each.address)) kill_now(alive.address(), alive);
  for (std::size_t rounds = 0; rounds < 100'000; ++rounds) {
    auto& jobs = scheduler_.jobs;
    const auto next = std::find_if(jobs.begin(), jobs.end(), of_host);
    if (next == jobs.end()) break;
    rested_.erase(*next);
    std::rotate(jobs.begin(), next, next + 1);
    scheduler_.try_run_once();
    claim();
  }
  release(number);
}

void simulated_cluster::release(std::uint32_t number) {
  host& here = hosts_[number];
  if (!here.core) return;
  // Its links' threads would end now; whoever stops the links waits for them.
  network_->sever(number, false);
  system_core& core = *here.core;
  for (auto& [id, held] : core.models)
    if (const auto shared = held.lock()) shared->close(error(errc::unavailable, "the host is gone"));
  if (core.links) core.links->stop();
  core.root = core.node = core.store = core.membership = nullptr;
  core.members.clear();
  core.links.reset();
  core.actors.reset();
  core.machine = {};
  here.core.reset();
  std::erase_if(known_, [&](const known_actor& each) { return each.host == number; });
}

void simulated_cluster::stop(std::uint32_t number) {
  host& here = hosts_[number];
  if (!here.alive) return;
  as_host(number, [&] { caf::anon_send_exit(here.core->root, caf::exit_reason::user_shutdown); });
}

bool simulated_cluster::stopped(std::uint32_t number) const {
  const host& here = hosts_[number];
  if (!here.alive || !here.core || !here.core->root) return true;
  const auto* root = caf::actor_cast<caf::abstract_actor*>(here.core->root);
  return root->getf(caf::abstract_actor::is_terminated_flag);
}

std::vector<caf::actor> simulated_cluster::find(std::uint32_t number, std::string_view name) {
  std::vector<caf::actor> found;
  for (const known_actor& each : known_) {
    if (each.host != number || name != each.name) continue;
    auto alive = caf::actor_cast<caf::actor>(each.address);
    if (alive && !caf::actor_cast<caf::abstract_actor*>(alive)->getf(caf::abstract_actor::is_terminated_flag))
      found.push_back(std::move(alive));
  }
  return found;
}

void simulated_cluster::hang(const caf::actor& whom, duration lasting) {
  hangs_[whom.id()] = lasting;
}

std::size_t simulated_cluster::actors_alive() const {
  return actors_->registry().running() - own_actors_;
}

}  // namespace troupe::simulation
