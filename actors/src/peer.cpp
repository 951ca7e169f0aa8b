#include "peer.hpp"

#include <caf/actor_proxy.hpp>

#include <utility>

#include "caf_error.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/permission.hpp"

namespace troupe {
namespace {

/// Requests on one link that wait for their answers.
constexpr std::size_t pending_max = 65'536;
/// Actors of a peer that one link knows handles to, and actors here that the peer watches.
constexpr std::size_t proxies_max = 65'536;

caf::error link_lost(const std::string& why) {
  return to_caf(error(errc::unavailable, why));
}

void answer_with(const caf::strong_actor_ptr& requester, caf::message_id request, caf::message content) {
  if (requester && request.is_request())
    requester->enqueue(caf::make_mailbox_element(nullptr, request.response_id(), {}, std::move(content)), nullptr);
}

/// A handle to an actor on another node. What is sent to it travels over `link`; without one it is answered with an
/// error.
class remote_actor final : public caf::actor_proxy {
public:
  remote_actor(caf::actor_config& config, std::weak_ptr<peer> link, wire::actor_ref reference)
      : actor_proxy(config), link_(std::move(link)), reference_(std::move(reference)) {}

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* context) override;
  void kill_proxy(caf::execution_unit* context, caf::error reason) override { cleanup(std::move(reason), context); }

  const wire::actor_ref& reference() const noexcept { return reference_; }

private:
  std::weak_ptr<peer> link_;
  wire::actor_ref reference_;
};

/// Receives the answers of local actors to requests that came over a link.
class answer_sink final : public caf::actor_proxy {
public:
  answer_sink(caf::actor_config& config, std::weak_ptr<peer> link) : actor_proxy(config), link_(std::move(link)) {}
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* context) override;
  void kill_proxy(caf::execution_unit* context, caf::error reason) override { cleanup(std::move(reason), context); }

private:
  std::weak_ptr<peer> link_;
};

template <class Proxy, class... Arguments>
caf::strong_actor_ptr make_proxy(caf::actor_system& system, Arguments&&... arguments) {
  caf::actor_config config;
  return caf::make_actor<Proxy, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system, config,
                                                       std::forward<Arguments>(arguments)...);
}

/// The link keeps this alive, this does not keep the peer alive: no cycle.
class peer_handler final : public wire::link_handler {
public:
  peer_handler(std::weak_ptr<peer> owner, std::shared_ptr<void> guest)
      : guest_(std::move(guest)), owner_(std::move(owner)) {}
  void on_message(wire::incoming_message message) override {
    if (const auto alive = owner_.lock()) alive->on_message(message);
  }
  void on_closed(const error& reason) override {
    if (const auto alive = owner_.lock()) alive->on_closed(reason);
  }

private:
  std::shared_ptr<void> guest_;
  std::weak_ptr<peer> owner_;
};

void remote_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  if (const auto link = link_.lock()) return link->outgoing(reference_.actor, std::move(what));
  answer_with(what->sender, what->mid, caf::make_message(link_lost("there is no link to the node of this actor")));
}

void answer_sink::enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) {
  if (!what->mid.is_response()) return;
  const auto correlation = what->mid.request_id().integer_value();
  if (const auto link = link_.lock()) link->outgoing_answer(correlation, what->move_content_to_message());
}

}  // namespace

peer::peer(std::weak_ptr<peer_owner> owner, std::shared_ptr<exported_actors> exports, caf::actor_system& system,
           wire::node_identity self, std::unique_ptr<wire::link> link, std::string dialed)
    : owner_(std::move(owner)),
      exports_(std::move(exports)),
      system_(system),
      self_(std::move(self)),
      link_(std::move(link)),
      dialed_(std::move(dialed)) {}

peer::~peer() = default;

void peer::start(std::shared_ptr<void> guest) {
  answers_ = make_proxy<answer_sink>(system_, weak_from_this());
  link_->start(std::make_shared<peer_handler>(weak_from_this(), std::move(guest)));
}

void peer::close(const error& why) {
  link_->close();
  on_closed(why);  // the link's own report may come too late for somebody to hear it
}

bool peer::alive() const {
  const std::lock_guard lock(mutex_);
  return !lost_;
}

wire::actor_ref peer::to_reference(const caf::actor& handle) {
  if (!handle) return {};
  const auto pointer = caf::actor_cast<caf::strong_actor_ptr>(handle);
  if (const auto* remote = dynamic_cast<const remote_actor*>(pointer->get())) return remote->reference();
  const std::uint64_t number = exports_->publish(handle);
  return number == 0 ? wire::actor_ref{} : wire::actor_ref{self_.id, number, self_.listen_address};
}

caf::actor peer::to_handle(const wire::actor_ref& reference) {
  if (reference) {
    if (reference.node == self_.id)
      if (auto local = exports_->find(reference.actor)) return local;
    // A third node: the handle belongs to the link to that node.
    if (reference.node != self_.id && reference.node != info().node.id)
      if (const auto owner = owner_.lock())
        if (const auto other = owner->find_peer(reference.node)) return other->to_handle(reference);
    if (reference.node == info().node.id) {
      caf::strong_actor_ptr made;
      {
        const std::lock_guard lock(mutex_);
        if (const auto known = proxies_.find(reference.actor); known != proxies_.end())
          return caf::actor_cast<caf::actor>(known->second);
        if (!lost_ && proxies_.size() < proxies_max) {
          made = make_proxy<remote_actor>(system_, weak_from_this(), reference);
          proxies_.emplace(reference.actor, made);
        }
      }
      if (made) {
        // The peer tells us when its actor ends, so that monitors of the proxy fire.
        if (auto sent = post({wire::envelope_kind::monitor, 0, reference.actor, {self_.id, reference.actor, {}}, {}});
            !sent)
          proxy_down(reference, to_caf(sent.error()));
        return caf::actor_cast<caf::actor>(made);
      }
    }
  }
  const auto nobody = make_proxy<remote_actor>(system_, std::weak_ptr<peer>(), reference);
  static_cast<remote_actor*>(nobody->get())->kill_proxy(nullptr, link_lost("the actor cannot be reached from here"));
  return caf::actor_cast<caf::actor>(nobody);
}

result<void> peer::post(wire::envelope letter) {
  TROUPE_TRY(auto message, wire::encode(letter));
  return link_->send(std::move(message));
}

void peer::outgoing(std::uint64_t target, caf::mailbox_element_ptr what) {
  const auto requester = what->sender;
  const auto id = what->mid;
  if (id.is_response()) return;
  const caf::message content = what->move_content_to_message();
  auto record = to_record(content, *this);
  if (!record)
    return answer_with(
        requester, id,
        caf::make_message(to_caf(error(errc::unsupported, "this message does not travel between nodes"))));
  wire::envelope letter{wire::envelope_kind::message, 0, target, {}, std::move(*record)};
  if (id.is_request()) {
    const std::lock_guard lock(mutex_);
    if (lost_ || pending_.size() >= pending_max) {
      answer_with(
          requester, id,
          caf::make_message(link_lost(lost_ ? "the link to the node is lost" : "too many requests wait on the link")));
      return;
    }
    letter.kind = wire::envelope_kind::request;
    letter.correlation = ++correlations_;
    pending_.emplace(letter.correlation, pending_request{requester, id});
  }
  const auto correlation = letter.correlation;
  if (auto sent = post(std::move(letter)); !sent)
    if (const auto waiting = take_pending(correlation))
      answer_with(waiting->requester, waiting->id, caf::make_message(to_caf(sent.error())));
}

void peer::outgoing_answer(std::uint64_t correlation, const caf::message& content) {
  auto record = to_record(content, *this);
  post_answer(correlation, record ? std::move(*record)
                                  : wire::body(error(errc::internal, "the answer does not travel between nodes")));
}

void peer::post_answer(std::uint64_t correlation, wire::body content) {
  const bool failed = std::holds_alternative<error>(content);
  // When it cannot be sent the link is lost or full, and the requester hears of that or of its own deadline.
  (void)post(
      {failed ? wire::envelope_kind::error : wire::envelope_kind::response, correlation, 0, {}, std::move(content)});
}

std::optional<peer::pending_request> peer::take_pending(std::uint64_t correlation) {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(correlation);
  if (found == pending_.end()) return std::nullopt;
  pending_request taken = std::move(found->second);
  pending_.erase(found);
  return taken;
}

void peer::on_message(const wire::incoming_message& message) {
  auto letter = wire::decode(message);
  // A peer that does not keep to the protocol, or to its role, is not spoken to any more.
  if (!letter) return refuse(std::move(letter).error());
  if (auto allowed = wire::check_permission(info().proof.role, *letter); !allowed)
    return refuse(std::move(allowed).error());
  switch (letter->kind) {
    case wire::envelope_kind::message:
    case wire::envelope_kind::request: return deliver(*letter);
    case wire::envelope_kind::response:
    case wire::envelope_kind::error:
      if (const auto waiting = take_pending(letter->correlation))
        if (auto content = to_message(std::move(letter->body), *this))
          answer_with(waiting->requester, waiting->id, std::move(*content));
      return;
    case wire::envelope_kind::monitor: return watch(*letter);
    case wire::envelope_kind::demonitor: return;  // watching longer than needed costs one small message
    case wire::envelope_kind::down: {
      const auto* reason = std::get_if<error>(&letter->body);
      return proxy_down(letter->sender, reason ? to_caf(*reason) : caf::error(caf::exit_reason::unknown));
    }
  }
}

void peer::refuse(error why) {
  if (const auto owner = owner_.lock()) owner->count_refusal();
  link_->close(std::move(why));
}

void peer::deliver(wire::envelope& letter) {
  const bool wants_answer = letter.kind == wire::envelope_kind::request;
  const caf::actor target = exports_->find(letter.target);
  if (!target) {
    if (wants_answer) post_answer(letter.correlation, error(errc::unavailable, "the actor has ended"));
    return;
  }
  auto content = to_message(std::move(letter.body), *this);
  if (!content) {
    if (wants_answer) post_answer(letter.correlation, error(errc::unsupported, "no actor takes this record"));
    return;
  }
  const auto receiver = caf::actor_cast<caf::strong_actor_ptr>(target);
  const auto id = wants_answer ? caf::message_id(letter.correlation).with_normal_priority() : caf::make_message_id();
  receiver->enqueue(caf::make_mailbox_element(wants_answer ? answers_ : nullptr, id, {}, std::move(*content)), nullptr);
}

void peer::watch(const wire::envelope& letter) {
  const caf::actor target = exports_->find(letter.target);
  const wire::actor_ref whom{self_.id, letter.target, {}};
  const auto announce = [self = weak_from_this(), whom](const error& why) {
    if (const auto alive = self.lock()) (void)alive->post({wire::envelope_kind::down, 0, 0, whom, why});
  };
  if (watched_.size() >= proxies_max)  // most have ended long ago
    std::erase_if(watched_, [&](const auto& each) { return !exports_->find(each.first); });
  if (!target || watched_.size() >= proxies_max)
    return announce(error(errc::unavailable, target ? "the peer watches too many actors" : "the actor has ended"));
  // Of each actor the peer is told once. The node's actor keeps its number when another takes its place.
  if (std::exchange(watched_[letter.target], target.id()) == target.id()) return;
  target->attach_functor([announce](const caf::error& reason) {
    announce(reason ? from_caf(reason) : error(errc::unavailable, "the actor has ended"));
  });
}

void peer::proxy_down(const wire::actor_ref& whom, const caf::error& reason) {
  caf::strong_actor_ptr gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = proxies_.find(whom.actor);
    if (found == proxies_.end()) return;
    gone = std::move(found->second);
    proxies_.erase(found);
  }
  static_cast<remote_actor*>(gone->get())->kill_proxy(nullptr, reason);
}

void peer::on_closed(const error& reason) {
  decltype(pending_) pending;
  decltype(proxies_) proxies;
  {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    pending.swap(pending_);
    proxies.swap(proxies_);
  }
  const auto why = link_lost(fmt::format("the link to node \"{}\" is lost: {}", info().node.name, reason.to_string()));
  for (const auto& [correlation, request] : pending) answer_with(request.requester, request.id, caf::make_message(why));
  for (const auto& [number, proxy] : proxies) static_cast<remote_actor*>(proxy->get())->kill_proxy(nullptr, why);
  if (const auto owner = owner_.lock()) owner->forget(*this);
}

}  // namespace troupe
