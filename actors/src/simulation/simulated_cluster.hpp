// The hosts of a simulation and the one loop that runs them: actors of all hosts in one runtime, each host's reaching
// the others only over the simulated network.
#pragma once

#include <fmt/format.h>
#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "simulation/prepared_model.hpp"
#include "simulation/stub_device.hpp"
#include "system_core.hpp"
#include "troupe/transport/simulated_network.hpp"

namespace troupe::simulation {

/// One thread only. What it calls back runs inside `step`.
class simulated_cluster {
public:
  struct observer {
    std::function<void(const std::string& invariant, std::string what)> violated;
    std::function<void(const std::string&)> trace;  ///< may be empty
  };

  simulated_cluster(std::uint64_t seed, std::uint32_t hosts, std::shared_ptr<prepared_model> model, observer told);
  simulated_cluster(const simulated_cluster&) = delete;
  simulated_cluster& operator=(const simulated_cluster&) = delete;
  /// Ends everything that is left, without a check.
  ~simulated_cluster();

  /// Does the next thing that can happen, or lets time pass until there is one; false when nothing is left.
  bool step();
  time_point now() const noexcept { return time_.now(); }
  std::uint64_t steps() const noexcept { return steps_; }
  std::uint64_t trace_hash() const noexcept { return hash_; }
  wire::timeline& time() noexcept { return time_; }
  wire::seeded_numbers& random() noexcept { return random_; }
  wire::simulated_network& network() noexcept { return *network_; }
  caf::actor_system& actors() noexcept { return *actors_; }
  /// Goes into the trace hash.
  void note(std::uint64_t what);
  template <class... Arguments>
  void trace(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    if (told_.trace) write_trace(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  struct host {
    std::uint32_t number = 0;
    bool alive = false, frozen = false;
    std::uint64_t life = 0;
    std::shared_ptr<system_core> core;
    std::shared_ptr<device_conduct> device;
    std::optional<time_point> slow_until;  ///< its device
    std::optional<duration> hang_next;     ///< its device's next step
    std::vector<caf::resumable*> parked;   ///< jobs while it is frozen
  };
  host& at(std::uint32_t number) { return hosts_[number]; }
  const std::vector<host>& hosts() const noexcept { return hosts_; }

  /// Starts the process of a host; `ready` is called when its actors are there.
  void start(std::uint32_t number, std::function<void()> ready);
  /// Ends the process between two of its steps; its peers hear of it unless `silently`.
  void kill(std::uint32_t number, bool silently);
  void freeze(std::uint32_t number);
  void thaw(std::uint32_t number);
  /// Asks the process to end as it does when its program ends.
  void stop(std::uint32_t number);
  bool stopped(std::uint32_t number) const;

  /// Live actors of a host by the name of their class ("troupe.shard"), oldest first.
  std::vector<caf::actor> find(std::uint32_t number, std::string_view name);
  /// The next job of this actor waits for so long.
  void hang(const caf::actor& whom, duration lasting);
  /// Everything that is left of a host may be destroyed.
  void release(std::uint32_t number);
  /// Runs something of the host outside of its actors, as its program would.
  template <class Function>
  void as_host(std::uint32_t number, Function what) {
    enter(number);
    what();
    claim();
  }
  /// Actors that live, proxies and the runtime's own not counted.
  std::size_t actors_alive() const;

private:
  struct known_actor {
    caf::actor_addr address;
    std::uint32_t host = 0;
    const char* name = "";
  };

  void enter(std::uint32_t host);
  void claim();
  std::uint32_t host_of(caf::actor_id id) const;
  void run_job(std::size_t place);
  /// Whether the job was put aside instead.
  bool hold_back(caf::resumable* job, caf::scheduled_actor& self, std::uint32_t owner);
  void park(caf::resumable* job, duration lasting);
  void write_trace(const std::string& line);

  observer told_;
  std::shared_ptr<prepared_model> model_;
  wire::timeline time_;
  wire::seeded_numbers random_, devices_;
  runtime_config config_;
  std::shared_ptr<caf::actor_system> actors_;
  caf::scheduler::test_coordinator& scheduler_;
  std::unique_ptr<wire::simulated_network> network_;
  std::vector<host> hosts_;
  std::uint32_t present_ = 0;              ///< the host whose code runs now
  caf::actor_id first_id_ = 0, seen_ = 0;  ///< of actors: the runtime's own are before
  std::vector<std::uint8_t> owners_;       ///< hosts, by actor id from `first_id_`
  std::vector<known_actor> known_;
  std::unordered_set<caf::actor_id> known_ids_;
  std::unordered_map<caf::actor_id, duration> hangs_;
  std::map<std::uint64_t, caf::resumable*> parked_;  ///< jobs that wait for their time, by ticket
  std::unordered_set<caf::resumable*> rested_;       ///< that have waited
  std::uint64_t tickets_ = 0;
  std::size_t own_actors_ = 0;
  std::uint64_t steps_ = 0, hash_ = 0xcbf29ce484222325u;
};

}  // namespace troupe::simulation
