#include "node.hpp"

#include <caf/response_promise.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>
#include <map>
#include <set>

#include "caf_error.hpp"
#include "model_messages.hpp"
#include "part_loader.hpp"
#include "peer_links.hpp"
#include "runtime.hpp"
#include "tree_conversion.hpp"
#include "troupe/actors/messages.hpp"
#include "troupe/actors/supervisor.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Parts that one node runs at the same time: each has a thread and a device of its own.
constexpr std::size_t parts_max = 256;
/// How long the supervisors of parts may take to describe themselves.
constexpr std::chrono::seconds describe_patience{1};

class node_actor final : public caf::event_based_actor {
public:
  node_actor(caf::actor_config& config, node_options options)
      : event_based_actor(config),
        options_(std::move(options)),
        loader_(*this, options_.store),
        peers_(*this, options_.links) {
    quiet(*this);
    set_down_handler([this](caf::scheduled_actor*, caf::down_msg& down) { on_down(down); });
    set_exit_handler([this](caf::scheduled_actor*, caf::exit_msg& exit) { on_exit_request(exit); });
  }

  const char* name() const override { return "troupe.node"; }

  caf::behavior make_behavior() override {
    return {
        [this](load_part_msg& order) { return load(order); },
        [this](const shard_ready_msg& ready) { on_ready(ready); },
        [this](const shard_failing_msg& failing) { on_failing(failing); },
        [this](const unload_plan_msg& order) {
          unload([&](const part_key& key, std::uint32_t, const caf::actor&) { return key.first == order.plan; });
        },
        [this](const unload_part_msg& order) {
          unload([&](const part_key& key, std::uint32_t host, const caf::actor&) {
            return key == part_key{order.plan, order.part} && host == order.host;
          });
        },
        [this](leave_atom) { return leave(); },
        [this](const kill_part_msg& order) { return kill(order); },
        [this](const connect_peer_msg& order) { return connect_peer(order); },
        [this](peer_linked_msg& ended) { peers_.on_linked(ended); },
        [this](const relink_msg& due) { peers_.on_due(due); },
        [this](node_status_request_msg) { return describe(); },
        [this](const chunk_request_msg& wanted) -> caf::result<caf::message> {
          if (const caf::actor store = options_.store ? options_.store() : caf::actor()) return delegate(store, wanted);
          return caf::make_message(chunk_msg::none());
        },
        [this](ability_request_msg request) { return ability(request); },
        [](const link_probe_msg&) -> caf::result<ok_atom> { return ok_atom::value; },
    };
  }

  void on_exit() override {
    loader_.cancel([](const load_part_msg&) { return true; });
    measurer_ = nullptr;
    parts_.clear();
    stopping_.clear();
    options_ = {};
  }

private:
  using part_key = std::pair<std::uint64_t, std::uint32_t>;  // plan, part
  struct hosted_part {
    std::uint32_t host = 0;
    caf::actor observer;
    caf::actor supervisor;
    caf::actor shard;
    std::string device;
    std::optional<error> last_error;
    std::shared_ptr<const packed_weights> weights;  ///< as they came, for other nodes that need them
  };

  caf::result<ok_atom> load(load_part_msg& order) {
    if (!order.network || !order.observer)
      return to_caf(error(errc::invalid_argument, "an order to load a part lacks the part or its observer"));
    const part_key key{order.plan, order.part};
    unload([&](const part_key& each, std::uint32_t host, const caf::actor& observer) {
      if (each != key) return false;
      // Whoever placed it has to hear of that: an order may come late, over a link that was slow to break.
      if (host != order.host || observer != order.observer)
        send(observer, part_failed_msg{order.plan, order.part, host,
                                       error(errc::unavailable, "another order for the part took its place")});
      return true;
    });
    if (leaving_) return to_caf(fail(errc::unavailable, "the node \"{}\" is about to stop", options_.name));
    if (parts_.size() + loader_.size() >= parts_max)
      return to_caf(
          fail(errc::unavailable, "the node \"{}\" runs {} parts, which is its limit", options_.name, parts_.size()));
    monitor(order.observer);
    if (order.lacking) {
      loader_.fetch(std::move(order), [this](load_part_msg& complete, auto weights) {
        result<void> started;
        if (weights)
          started = start(complete, (*weights)->network(), *weights);
        else
          started = std::move(weights).error().while_doing(
              fmt::format("fetching the weights of part {} for node \"{}\"", complete.part, options_.name));
        if (started) return;
        send(complete.observer, part_failed_msg{complete.plan, complete.part, complete.host, started.error()});
        parts_may_be_gone();
      });
      return ok_atom::value;
    }
    if (auto started = start(order, order.network, nullptr); !started) return to_caf(started.error());
    return ok_atom::value;
  }

  result<void> start(const load_part_msg& order, const std::shared_ptr<const graph>& network,
                     std::shared_ptr<const packed_weights> weights) {
    supervisor_spec spec;
    spec.name = fmt::format("part {}", order.part);
    spec.restarts_max = order.restarts.restarts_max;
    spec.window = order.restarts.window;
    child_spec child;
    child.id = "shard";
    child.restart = restart_kind::transient;
    child.probe = probe_policy{};
    child.start = [incarnation = std::make_shared<std::uint64_t>(0), plan = order.plan, part = order.part, network,
                   storage = order.storage, open = options_.open_device, operators = options_.operators,
                   self = caf::actor_cast<caf::actor_addr>(this)](caf::event_based_actor* parent) {
      return spawn_shard(
          parent, {plan, part, ++*incarnation, network, storage, open, operators, caf::actor_cast<caf::actor>(self)});
    };
    spec.children.push_back(std::move(child));
    TROUPE_TRY(const caf::actor supervisor, spawn_supervisor(*this, std::move(spec), options_.observer));
    monitor(supervisor);
    parts_[{order.plan, order.part}] = {order.host, order.observer, supervisor, {}, {}, {}, std::move(weights)};
    return {};
  }

  void on_ready(const shard_ready_msg& ready) {
    const auto found = parts_.find({ready.plan, ready.part});
    if (found == parts_.end()) return;
    found->second.shard = ready.shard;
    found->second.device = ready.device;
    send(found->second.observer, part_up_msg{ready.plan, ready.part, found->second.host, ready.incarnation, ready.shard,
                                             options_.name, ready.device});
  }

  void on_failing(const shard_failing_msg& failing) {
    const auto found = parts_.find({failing.plan, failing.part});
    if (found == parts_.end()) return;
    if (failing.final)
      give_up(found, failing.why);
    else
      found->second.last_error = failing.why;
  }

  void give_up(std::map<part_key, hosted_part>::iterator found, error why) {
    why.while_doing(fmt::format("running a part on node \"{}\"", options_.name));
    send(found->second.observer, part_failed_msg{found->first.first, found->first.second, found->second.host, why});
    stop_supervisor(found->second.supervisor);
    parts_.erase(found);
    parts_may_be_gone();
  }

  void stop_supervisor(const caf::actor& supervisor) {
    stopping_.insert(supervisor.address());
    send_exit(supervisor, caf::exit_reason::user_shutdown);
  }

  /// Ends the parts for which `wanted(key, host, observer)`, those that wait for their weights among them.
  template <class Predicate>
  void unload(Predicate wanted) {
    loader_.cancel([&](const load_part_msg& order) {
      return wanted(part_key{order.plan, order.part}, order.host, order.observer);
    });
    for (auto each = parts_.begin(); each != parts_.end();) {
      if (!wanted(each->first, each->second.host, each->second.observer)) {
        ++each;
        continue;
      }
      stop_supervisor(each->second.supervisor);
      each = parts_.erase(each);
    }
    parts_may_be_gone();
  }

  /// Asks those whose parts run here to run them elsewhere; answered when the last part is unloaded.
  caf::result<ok_atom> leave() {
    leaving_ = true;
    if (parts_.empty() && loader_.size() == 0) return ok_atom::value;
    loader_.for_each([this](const load_part_msg& order) {
      send(order.observer, node_leaving_msg{order.plan, order.host});
    });
    for (const auto& [key, part] : parts_) send(part.observer, node_leaving_msg{key.first, part.host});
    auto promise = make_response_promise<ok_atom>();
    left_.push_back(promise);
    return promise;
  }

  void parts_may_be_gone() {
    if (!parts_.empty() || loader_.size() > 0) return;
    for (auto& waiting : std::exchange(left_, {})) waiting.deliver(ok_atom::value);
  }

  caf::result<ok_atom> kill(const kill_part_msg& order) {
    if (!options_.allow_fault_injection)
      return to_caf(
          fail(errc::invalid_argument, "the node \"{}\" was not started with fault injection allowed", options_.name));
    const auto found = parts_.find({order.plan, order.part});
    if (found == parts_.end() || !found->second.shard)
      return to_caf(fail(errc::unavailable, "the node \"{}\" does not run part {} now", options_.name, order.part));
    found->second.last_error = error(errc::unavailable, "the shard was killed by fault injection");
    send_exit(found->second.shard, caf::exit_reason::kill);
    return ok_atom::value;
  }

  caf::result<ok_atom> connect_peer(const connect_peer_msg& order) {
    if (!options_.links) return to_caf(fail(errc::unavailable, "the node \"{}\" has no links", options_.name));
    auto promise = make_response_promise();
    peers_.connect(order.address, promise);
    return promise;
  }

  /// Measuring takes seconds and happens on a thread of its own, one request after the other.
  caf::result<ability_msg> ability(ability_request_msg request) {
    if (!options_.ability)
      return to_caf(fail(errc::unsupported, "the node \"{}\" does not measure its device", options_.name));
    if (const auto known = options_.ability->known()) return ability_msg{*known};
    if (!measurer_)
      measurer_ = spawn_blocking_function(*this, [source = options_.ability](caf::event_based_actor* self) {
        quiet(*self);
        return caf::behavior{[source](ability_request_msg) -> caf::result<ability_msg> {
          auto measured = source->get();
          if (!measured) return to_caf(measured.error().while_doing("measuring the device"));
          return ability_msg{std::move(*measured)};
        }};
      });
    delegate(measurer_, request);
    return caf::delegated<ability_msg>();
  }

  /// This node's tree: asks the supervisors of all parts at once and answers when the last one has.
  caf::result<node_status_msg> describe() {
    auto report = std::make_shared<status_report>();
    report->promise = make_response_promise<node_status_msg>();
    report->status = {{options_.name, "node", "up", remarks(), 0, {}}, TROUPE_VERSION, {options_.device}};
    report->missing = parts_.size() + 1;
    for (const auto& [key, part] : parts_) {
      report->status.tree.children.push_back(
          {fmt::format("part {}", key.second), "supervisor", "not answering", part.device, 0, {}});
      const std::size_t place = report->status.tree.children.size() - 1;
      request(part.supervisor, describe_patience, describe_tree{})
          .then(
              [report, place](const tree_snapshot& snapshot) {
                tree_node& described = report->status.tree.children[place];
                const std::string device = described.detail;
                described = to_tree(snapshot);
                for (tree_node& shard : described.children) shard.detail = device;
                report->count_down();
              },
              [report](caf::error&) { report->count_down(); });
    }
    report->count_down();
    return report->promise;
  }

  /// What to tell people who look at this node: that it obeys those who want to break it, that peers broke the rules.
  std::string remarks() const {
    std::string made = options_.allow_fault_injection ? "fault injection allowed" : "";
    if (const std::size_t count = options_.links ? options_.links->refused_count() : 0; count > 0)
      made += fmt::format("{}links closed because the peer sent what its role forbids, or no record: {}",
                          made.empty() ? "" : "; ", count);
    return made;
  }

  struct status_report {
    caf::typed_response_promise<node_status_msg> promise;
    node_status_msg status;
    std::size_t missing = 0;
    void count_down() {
      if (--missing == 0) promise.deliver(std::move(status));
    }
  };

  void on_down(const caf::down_msg& down) {
    if (stopping_.erase(down.source)) return;
    for (auto each = parts_.begin(); each != parts_.end(); ++each) {
      if (each->second.supervisor.address() != down.source) continue;
      give_up(each, each->second.last_error.value_or(
                        error(errc::unavailable, "the shard ended more often than the limit allows")));
      stopping_.erase(down.source);
      return;
    }
    if (peers_.on_down(down.source)) return;
    // An observer: nobody is left who needs its parts.
    unload(
        [&](const part_key&, std::uint32_t, const caf::actor& observer) { return observer.address() == down.source; });
  }

  void on_exit_request(const caf::exit_msg& exit) {
    for (const auto& [key, part] : parts_)
      if (part.supervisor.address() == exit.source) return;  // on_down handles supervisors
    if (stopping_.count(exit.source)) return;
    quit(exit.reason);
  }

  node_options options_;
  part_loader loader_;
  std::map<part_key, hosted_part> parts_;
  bool leaving_ = false;
  std::vector<caf::typed_response_promise<ok_atom>> left_;
  std::set<caf::actor_addr> stopping_;
  caf::actor measurer_;
  peer_links peers_;
};

}  // namespace

caf::actor spawn_node(caf::event_based_actor* parent, node_options options) {
  return parent->spawn<node_actor>(std::move(options));
}

}  // namespace troupe
