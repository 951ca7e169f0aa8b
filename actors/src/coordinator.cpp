#include "coordinator.hpp"

#include <unordered_map>

#include "caf_error.hpp"
#include "coordinator_state.hpp"
#include "model_messages.hpp"
#include "parameter_store.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// How long a node may take to say that it has taken a part (loading itself is not included).
constexpr std::chrono::seconds placement_patience{30};
/// Naming the chunks of a part's weights takes about a second for a gigabyte, and parts wait for each other.
constexpr std::chrono::seconds packing_patience{600};

/// How long a node that has come may take to measure its device.
constexpr std::chrono::seconds survey_patience{60};
/// Bytes with which its link is timed: the first for the round trip.
constexpr std::int64_t link_probes[] = {1, 1 << 20};
constexpr double least_sending_s = 1e-6;

class coordinator final : public caf::event_based_actor {
public:
  coordinator(caf::actor_config& config, coordinator_options options)
      : event_based_actor(config),
        options_(std::move(options)),
        state_(options_.layout, static_cast<std::uint32_t>(options_.nodes.size() - 1), options_.first_state_epoch),
        shards_(options_.layout->parts.size()),
        arriving_(shards_.size()),
        packed_(shards_.size()),
        bytes_moved_(shards_.size(), 0) {
    quiet(*this);
    set_down_handler([this](caf::scheduled_actor*, caf::down_msg& down) { on_down(down); });
  }

  const char* name() const override { return "troupe.coordinator"; }

  caf::behavior make_behavior() override {
    for (std::uint32_t host = 0; host < options_.nodes.size(); ++host) {
      watch_host(host);
      if (host < options_.abilities.size() && options_.abilities[host])
        perform(state_.host_known(host, std::move(options_.abilities[host])));
      else if (state_.wants_abilities() && host != state_.hosts().local())
        ask_ability(host);  // it has come since the plan was made, and a coordinator before this one was told
    }
    perform(state_.start());
    return {
        [this](submit_msg& submitted) {
          const std::uint64_t id = ++requests_;
          const auto now = clock().now();
          waiting_.emplace(id, waiting_caller{submitted.ticket, std::move(submitted.done)});
          tickets_.emplace(submitted.ticket, id);
          if (submitted.deadline > now) delayed_send(this, submitted.deadline - now, deadline_tick_msg{id});
          perform(state_.submit(id, std::move(submitted.inputs), submitted.deadline, now, submitted.state_epoch));
        },
        [this](part_up_msg& up) { on_part_up(up); },
        [this](const part_failed_msg& failed) {
          if (known(failed.plan, failed.part)) perform(state_.part_failed(failed.part, failed.host, failed.why));
        },
        [this](const part_progress_msg& progress) { on_progress(progress); },
        [this](const step_failed_msg& failed) {
          if (failed.plan == options_.plan_id)
            perform(state_.step_failed(failed.request, failed.attempt, failed.micro, failed.why));
        },
        [this](const cancel_msg& unwanted) {
          if (const auto found = tickets_.find(unwanted.ticket); found != tickets_.end())
            perform(state_.cancel(found->second));
        },
        [this](const micro_joined_msg& joined) {
          const auto now = clock().now();
          note_times(joined.request, joined.times, now);
          perform(state_.micro_joined(joined.request, joined.times.micro, now));
        },
        [this](const late_tick_msg& tick) { perform(state_.late_due(tick.request, clock().now())); },
        [this](joined_msg& joined) {
          note_times(joined.request, joined.times, clock().now());
          perform(state_.joined(joined.request, joined.first_attempt, std::move(joined.outcome)));
        },
        [this](const deadline_tick_msg& tick) { perform(state_.deadline_passed(tick.request, clock().now())); },
        [this](const retry_tick_msg& tick) { perform(state_.retry_due(tick.request, tick.micro, tick.attempt)); },
        [this](const aggregator_replaced_msg& replaced) {
          options_.aggregator = replaced.aggregator;
          perform(state_.aggregator_replaced());
        },
        [this](notify_ready_msg& wanted) {
          if (readiness_)
            wanted.done(*readiness_);
          else
            ready_watchers_.push_back(std::move(wanted));
        },
        [this](const host_joined_msg& joined) {
          if (host_numbers_.count(joined.node.address())) return;  // known from the start
          options_.nodes.push_back(joined.node);
          watch_host(static_cast<std::uint32_t>(options_.nodes.size() - 1));
          perform(state_.host_up());
          if (state_.wants_abilities()) ask_ability(static_cast<std::uint32_t>(options_.nodes.size() - 1));
        },
        [this](const host_retiring_msg& retiring) {
          if (const auto found = host_numbers_.find(retiring.node.address()); found != host_numbers_.end())
            perform(state_.host_leaving(found->second));
        },
        [this](const node_leaving_msg& leaving) {
          if (leaving.plan == options_.plan_id && leaving.host < options_.nodes.size())
            perform(state_.host_leaving(leaving.host));
        },
        [this](const placement_request_msg& wanted) { wanted.done(placements()); },
        [this](const inject_kill_msg& wanted) { inject_kill(wanted); },
    };
  }

  void on_exit() override {
    for (const caf::actor& node : options_.nodes) anon_send(node, unload_plan_msg{options_.plan_id});
    tickets_.clear();
    waiting_.clear();  // each is answered `unavailable` by its guard, and the facade asks our successor
    for (const auto& watcher : ready_watchers_)
      watcher.done(error(errc::unavailable, "the coordinator ended before the model was loaded"));
    ready_watchers_.clear();
    shards_.clear();
    arriving_.clear();
    options_ = {};
  }

private:
  bool known(std::uint64_t plan_id, std::uint32_t part) const {
    return plan_id == options_.plan_id && part < options_.layout->parts.size();
  }

  void watch_host(std::uint32_t host) {
    monitor(options_.nodes[host]);
    host_numbers_[options_.nodes[host].address()] = host;
  }

  void note_times(std::uint64_t request, const stage_times& times, time_point now) {
    perform(state_.timed(request, times.attempt, times.micro, times.stage_seconds, now));
  }

  /// What a node that has come reaches, and how good its link is: the planner wants to know before parts move there.
  void ask_ability(std::uint32_t host) {
    request(options_.nodes[host], survey_patience, ability_request_msg{})
        .then(
            [this, host](ability_msg& told) {
              planning_node node;
              node.ability = std::move(told.ability);
              time_link(host, std::move(node), 0);
            },
            [this, host](const caf::error&) { perform(state_.host_known(host, std::nullopt)); });
  }

  void time_link(std::uint32_t host, planning_node node, std::size_t round) {
    if (round == std::size(link_probes)) return perform(state_.host_known(host, std::move(node)));
    auto payload = tensor::make(dtype::u8, {link_probes[round]});
    if (!payload) return perform(state_.host_known(host, std::nullopt));
    const time_point started = clock().now();
    request(options_.nodes[host], placement_patience, link_probe_msg{std::move(*payload)})
        .then(
            [this, host, node = std::move(node), round, started](ok_atom) mutable {
              const double taken = std::chrono::duration<double>(clock().now() - started).count();
              if (round == 0)
                node.link.round_trip_s = taken;
              else
                node.link.bytes_per_s =
                    static_cast<double>(link_probes[round]) / std::max(taken - node.link.round_trip_s, least_sending_s);
              time_link(host, std::move(node), round + 1);
            },
            [this, host](const caf::error&) { perform(state_.host_known(host, std::nullopt)); });
  }

  void on_part_up(part_up_msg& up) {
    if (!known(up.plan, up.part) || !up.shard) return;
    const auto& status = state_.parts()[up.part];
    const bool arrives = status.next && status.next->host == up.host;
    if (!arrives && status.host != up.host) return;
    if (up.incarnation < (arrives ? status.next->incarnation : status.incarnation)) return;
    monitor(up.shard);
    watched_[up.shard.address()] = {up.part, up.host, up.incarnation};
    (arrives ? arriving_ : shards_)[up.part] = {up.shard, up.node, up.device};
    perform(state_.part_up(up.part, up.host, up.incarnation));
  }

  /// Whether the part runs on this host, moves there or is about to.
  bool placed_at(std::uint32_t part, std::uint32_t host) const {
    const auto& status = state_.parts()[part];
    return status.host == host || (status.next && status.next->host == host);
  }

  void on_progress(const part_progress_msg& progress) {
    if (!known(progress.plan, progress.part) || !placed_at(progress.part, progress.host)) return;
    bytes_moved_[progress.part] = progress.bytes_moved;
    if (options_.on_progress)
      options_.on_progress({progress.part, progress.bytes_done, progress.bytes_total, progress.bytes_moved});
  }

  /// Nodes that have the weights of a part: this process, and those where a part with the same weights is up.
  std::vector<caf::actor> holders_of(std::uint32_t part) const {
    const std::uint32_t local = state_.hosts().local();
    std::vector<caf::actor> holders{options_.nodes[local]};
    for (std::uint32_t other = 0; other < shards_.size() && holders.size() < limits::shards_max; ++other) {
      const auto& status = state_.parts()[other];
      if (options_.layout->parts[other].network == options_.layout->parts[part].network && status.up &&
          status.host != local)
        holders.push_back(options_.nodes[status.host]);
    }
    return holders;
  }

  void on_down(const caf::down_msg& down) {
    // The supervisor starts this process's node anew, and then a coordinator that knows it.
    if (options_.nodes[state_.hosts().local()].address() == down.source)
      return quit(to_caf(error(errc::unavailable, "the node actor of this process has ended")));
    if (const auto host = host_numbers_.find(down.source); host != host_numbers_.end())
      return perform(state_.host_down(host->second));
    const auto found = watched_.find(down.source);
    if (found == watched_.end()) return;
    const watched_shard lost = found->second;
    watched_.erase(found);
    perform(state_.part_down(lost.part, lost.host, lost.incarnation));
  }

  /// The end of a shard that has to go is no news: the next one at the same place has the same numbers.
  void forget_shard(std::uint32_t part, std::uint32_t host) {
    std::erase_if(watched_, [&](const auto& each) { return each.second.part == part && each.second.host == host; });
  }

  void inject_kill(const inject_kill_msg& wanted) {
    if (wanted.part >= shards_.size())
      return wanted.done(
          fail(errc::invalid_argument, "the model has no part {}; parts are 0 to {}", wanted.part, shards_.size() - 1));
    const caf::actor& node = options_.nodes[state_.parts()[wanted.part].host];
    request(node, placement_patience, kill_part_msg{options_.plan_id, wanted.part})
        .then([done = wanted.done](ok_atom) { done({}); },
              [done = wanted.done](caf::error& why) { done(from_caf(why)); });
  }

  void perform(coordinator_actions actions) {
    for (auto& action : actions) std::visit([this](auto& order) { obey(order); }, action);
  }

  void obey(coordinator_action::place_part& order) {
    bytes_moved_[order.part] = 0;
    forget_shard(order.part, order.host);
    const caf::actor store = options_.store ? options_.store() : caf::actor();
    if (order.host == state_.hosts().local() || !store) return load(order.part, order.host);
    // Weights go to other nodes in chunks, which the store names once for all loads of a network.
    request(store, packing_patience, pack_weights_msg{options_.layout->parts[order.part].network})
        .then(
            [this, part = order.part, host = order.host](weights_msg& packed) {
              packed_[part] = std::move(packed.weights);
              if (placed_at(part, host)) load(part, host);
            },
            [this, part = order.part, host = order.host](caf::error& why) {
              if (placed_at(part, host)) perform(state_.part_failed(part, host, from_caf(why)));
            });
  }

  void load(std::uint32_t part, std::uint32_t host) {
    load_part_msg order{options_.plan_id,
                        part,
                        host,
                        options_.layout->parts[part].network,
                        options_.layout->storage,
                        options_.restarts,
                        caf::actor_cast<caf::actor>(this),
                        holders_of(part),
                        packed_[part],
                        nullptr};
    request(options_.nodes[host], placement_patience, std::move(order))
        .then([](ok_atom) {},
              [this, part, host](caf::error& failed) {
                const error why = from_caf(failed);
                perform(state_.part_failed(part, host, why));
                // The order may still be carried out when the host wakes up.
                if (why.code() == errc::deadline_exceeded)
                  send(options_.nodes[host], unload_part_msg{options_.plan_id, part, host});
              });
  }

  void obey(coordinator_action::switch_part& order) { shards_[order.part] = std::exchange(arriving_[order.part], {}); }
  void obey(coordinator_action::unload_part& order) {
    forget_shard(order.part, order.host);
    send(options_.nodes[order.host], unload_part_msg{options_.plan_id, order.part, order.host});
  }

  void obey(coordinator_action::send_step& order) {
    const plan& layout = *options_.layout;
    const bool slices = layout.mode == parallel_mode::tensor && layout.stages > 1;  // one: nothing could be divided
    std::vector<caf::actor> parts;
    for (std::uint32_t stage = 0; stage < layout.stages; ++stage)
      parts.push_back(shards_[layout.part_of(order.replica, stage)].handle);
    step_msg work{options_.plan_id,
                  order.request,
                  order.attempt,
                  order.micro,
                  0,
                  order.deadline,
                  {parts.begin() + (slices ? 0 : 1), parts.end()},
                  caf::actor_cast<caf::actor>(this),
                  std::move(order.inputs)};
    work.route.push_back(options_.aggregator);
    // Every slice takes the inputs; of a pipeline, the first stage does.
    if (!slices) parts.resize(1);
    const auto patience = std::max<duration>(order.deadline - clock().now(), std::chrono::milliseconds(1));
    for (const caf::actor& part : parts)
      request(part, patience, work)
          .then([](ok_atom) {},
                [this, id = order.request, attempt = order.attempt, micro = order.micro](caf::error& why) {
                  perform(state_.step_failed(id, attempt, micro, from_caf(why)));
                });
  }

  void obey(coordinator_action::expect_join& order) {
    send(options_.aggregator, expect_join_msg{order.request, order.micros, order.first_attempt});
  }
  void obey(coordinator_action::forget_join& order) { send(options_.aggregator, forget_join_msg{order.request}); }

  void obey(coordinator_action::answer& order) {
    const auto found = waiting_.find(order.request);
    if (found == waiting_.end()) return;
    const completion caller = std::move(found->second.done);
    tickets_.erase(found->second.ticket);
    waiting_.erase(found);
    caller.resolve(std::move(order.outcome));
  }

  void obey(coordinator_action::arm_retry& order) {
    delayed_send(this, coordinator_limits::retry_pause(order.attempt),
                 retry_tick_msg{order.request, order.micro, order.attempt});
  }

  void obey(coordinator_action::arm_late& order) { delayed_send(this, order.pause, late_tick_msg{order.request}); }

  void obey(coordinator_action::report_ready& order) {
    readiness_ = std::move(order.outcome);
    for (const auto& watcher : std::exchange(ready_watchers_, {})) watcher.done(*readiness_);
  }

  std::vector<part_placement> placements() const {
    std::vector<part_placement> list;
    for (std::uint32_t part = 0; part < shards_.size(); ++part) {
      const graph& network = *options_.layout->parts[part].network;
      list.push_back({part, shards_[part].node, shards_[part].device, network.nodes.size(), network.constant_bytes(),
                      bytes_moved_[part], state_.step_s(part)});
    }
    return list;
  }

  struct placed_shard {
    caf::actor handle;
    std::string node, device;
  };
  struct watched_shard {
    std::uint32_t part = 0, host = 0;
    std::uint64_t incarnation = 0;
  };

  struct waiting_caller {
    std::uint64_t ticket = 0;
    completion done;
  };

  coordinator_options options_;
  coordinator_state state_;
  std::vector<placed_shard> shards_;                           ///< where each part takes its steps
  std::vector<placed_shard> arriving_;                         ///< where it will, if it moves and is up there
  std::vector<std::shared_ptr<const packed_weights>> packed_;  ///< parts that were given to other nodes
  std::vector<std::uint64_t> bytes_moved_;                     ///< to where each part was placed last
  std::unordered_map<caf::actor_addr, watched_shard> watched_;
  std::unordered_map<caf::actor_addr, std::uint32_t> host_numbers_;
  std::unordered_map<std::uint64_t, waiting_caller> waiting_;  ///< by request
  std::unordered_map<std::uint64_t, std::uint64_t> tickets_;   ///< requests by the facade's number
  std::uint64_t requests_ = 0;
  std::optional<result<void>> readiness_;
  std::vector<notify_ready_msg> ready_watchers_;
};

}  // namespace

caf::actor spawn_coordinator(caf::event_based_actor* parent, coordinator_options options) {
  return parent->spawn<coordinator>(std::move(options));
}

}  // namespace troupe
