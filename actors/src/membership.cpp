#include "membership.hpp"

#include <caf/send.hpp>
#include <map>
#include <set>

#include "caf_error.hpp"
#include "model_messages.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// One attempt to link to a node, and the time that other nodes have to link to it as well.
constexpr std::chrono::seconds connect_patience{5};

class membership final : public caf::event_based_actor {
public:
  membership(caf::actor_config& config, membership_options options)
      : event_based_actor(config), options_(std::move(options)), state_(options_.seed) {
    quiet(*this);
    set_down_handler([this](caf::scheduled_actor*, caf::down_msg& down) { on_down(down); });
  }

  const char* name() const override { return "troupe.membership"; }

  caf::behavior make_behavior() override {
    for (const std::string& address : options_.addresses)
      if (const auto number = state_.add(address)) connect(*number);
    changed();
    return {
        [this](add_member_msg& wanted) { add(wanted); },
        [this](remove_member_msg& wanted) { remove(wanted); },
        [this](member_linked_msg& linked) { on_linked(linked); },
        [this](const member_due_msg& due) {
          if (!state_.due(due.member)) return;
          connect(due.member);
          changed();
        },
    };
  }

  void on_exit() override {
    for (const auto& [number, told] : first_attempts_) told(error(errc::cancelled, "the system is stopping"));
    first_attempts_.clear();
    nodes_.clear();
    options_ = {};
  }

private:
  void add(add_member_msg& wanted) {
    const auto number = state_.add(wanted.address);
    if (!number) return wanted.done(number.error());
    first_attempts_.emplace(*number, std::move(wanted.done));
    connect(*number);
    changed();
  }

  void remove(const remove_member_msg& wanted) {
    const auto number = state_.find(wanted.address);
    if (!number)
      return wanted.done(fail(errc::invalid_argument, "the node {} does not belong to this system", wanted.address));
    state_.remove(*number);
    const auto found = nodes_.find(*number);
    const caf::actor node = found == nodes_.end() ? caf::actor() : found->second;
    if (node) nodes_.erase(found);
    changed();
    if (node) options_.on_retiring(node);
    if (const auto first = first_attempts_.find(*number); first != first_attempts_.end()) {
      first->second(error(errc::cancelled, "the node was removed before it was reached"));
      first_attempts_.erase(first);
    }
    wanted.done({});
  }

  void connect(std::uint32_t number) {
    // The callback runs on another thread: only a message may come back from there.
    options_.links->connect_async(state_.members().at(number).address, clock().now() + connect_patience,
                                  [self = caf::actor_cast<caf::actor_addr>(this), number](result<caf::actor> outcome) {
                                    if (const auto alive = caf::actor_cast<caf::actor>(self))
                                      caf::anon_send(alive, member_linked_msg{number, std::move(outcome)});
                                  });
  }

  void on_linked(member_linked_msg& linked) {
    if (!linked.node) return on_failed(linked.member, linked.node.error());
    const auto found = state_.members().find(linked.member);
    if (found == state_.members().end()) return;
    introduce(
        std::make_shared<introduction>(introduction{linked.member, *linked.node, found->second.address, {}, {}, 0}));
  }

  /// Stages on different nodes talk to each other directly, so a node is there when all others are linked to it.
  struct introduction {
    std::uint32_t number;
    caf::actor node;
    std::string address;
    std::set<caf::actor_addr> told;  ///< of the node; one that came back has to be told again
    std::optional<error> failure;
    std::size_t missing;
  };

  void introduce(const std::shared_ptr<introduction>& made) {
    // Until none is left: others may come up while this one is introduced.
    for (const auto& [number, other] : nodes_) {
      if (!made->told.insert(other.address()).second) continue;
      ++made->missing;
      const std::string name = state_.members().at(number).address;
      request(other, connect_patience, connect_peer_msg{made->address})
          .then([this, made](ok_atom) { told_one(made); },
                [this, made, name, number = number](caf::error& why) {
                  // One that is lost itself says nothing about the new one.
                  if (nodes_.count(number))
                    made->failure = from_caf(why).while_doing("linking the node " + name + " to it");
                  told_one(made);
                });
    }
    if (made->missing > 0) return;
    if (made->failure)
      on_failed(made->number, *made->failure);
    else
      on_up(made->number, made->node);
  }

  void told_one(const std::shared_ptr<introduction>& made) {
    if (--made->missing == 0) introduce(made);
  }

  void on_up(std::uint32_t number, const caf::actor& node) {
    if (!state_.joined(number, clock().now())) return;
    nodes_[number] = node;
    monitor(node);
    changed();
    options_.on_joined(node);
    answer_first(number, {});
  }

  void on_failed(std::uint32_t number, const error& why) {
    if (first_attempts_.count(number)) {
      state_.remove(number);
      changed();
      return answer_first(number, why);
    }
    if (const auto pause = state_.failed(number, why, clock().now())) {
      delayed_send(this, *pause, member_due_msg{number});
      changed();
    }
  }

  void answer_first(std::uint32_t number, result<void> outcome) {
    const auto found = first_attempts_.find(number);
    if (found == first_attempts_.end()) return;
    const auto told = std::move(found->second);
    first_attempts_.erase(found);
    told(std::move(outcome));
  }

  void on_down(const caf::down_msg& down) {
    for (const auto& [number, node] : nodes_) {
      if (node.address() != down.source) continue;
      const std::uint32_t lost = number;
      nodes_.erase(lost);
      return on_failed(lost, from_caf(down.reason));
    }
  }

  void changed() {
    std::vector<member_view> views;
    for (const auto& [number, member] : state_.members()) {
      const auto node = nodes_.find(number);
      std::string shown = member.phase == member_phase::up ? "up" : "connecting";
      if (member.last_error) shown = "lost: " + member.last_error->to_string();
      views.push_back({member.address, std::move(shown), node == nodes_.end() ? caf::actor() : node->second});
    }
    options_.on_change(std::move(views));
  }

  membership_options options_;
  membership_state state_;
  std::map<std::uint32_t, caf::actor> nodes_;  ///< those that are up
  std::map<std::uint32_t, std::function<void(result<void>)>> first_attempts_;
};

}  // namespace

caf::actor spawn_membership(caf::event_based_actor* parent, membership_options options) {
  return parent->spawn<membership>(std::move(options));
}

}  // namespace troupe
