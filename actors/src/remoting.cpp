#include "remoting.hpp"

#include <algorithm>
#include <atomic>
#include <caf/actor_proxy.hpp>
#include <caf/mailbox_element.hpp>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "caf_error.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/permission.hpp"
#include "wire_messages.hpp"

namespace troupe {
namespace {

/// The number under which every process's node actor is reached. Those of all others are random.
constexpr std::uint64_t node_actor_number = 1;
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
class remote_actor;

/// One link and everything that lives on it.
class peer;

}  // namespace

struct remoting::implementation : std::enable_shared_from_this<remoting::implementation> {
  implementation(caf::actor_system& owner, remoting_options given);

  caf::actor_system& system;
  const remoting_options options;
  wire::node_identity self;
  std::optional<error> unusable;
  std::atomic<std::size_t> refused{0};

  std::mutex mutex;
  bool stopped = false;
  std::unique_ptr<wire::tcp_listener> listener;
  std::vector<std::shared_ptr<peer>> peers;
  /// Local actors that peers may address, by their number on the wire, and their numbers by those that CAF gave them.
  /// Weak: being reachable keeps nobody alive.
  std::unordered_map<std::uint64_t, caf::actor_addr> exported;
  std::unordered_map<caf::actor_id, std::uint64_t> numbers;
  struct connector {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> finished;
  };
  std::list<connector> connectors;

  result<void> usable();
  result<std::shared_ptr<peer>> adopt(std::unique_ptr<wire::link> made, std::string dialed);
  /// Bits that nobody guesses: of the system, or of the network that stands for it.
  result<wire::node_id> random_bits() const;
  /// The peer at this address that there is a link to already.
  std::shared_ptr<peer> linked_to(const std::string& address, const std::optional<wire::key_hash>& owner);
  void forget(const peer* gone);
  std::shared_ptr<peer> find_peer(const wire::node_id& id);
  caf::actor find_local(std::uint64_t number);
  /// The number of the actor on the wire, which it gets when it has none; 0 when there are no random numbers to be had.
  std::uint64_t publish(const caf::actor& handle);
  void publish_as(std::uint64_t number, const caf::actor& handle);
  /// `connect_async` where links come from `options.network`.
  void connect_through_network(const std::string& address, time_point deadline,
                               std::function<void(result<caf::actor>)> done);
  /// How to talk to `where`.
  result<wire::tcp_options> link_options(const wire::address& where) const;
};

namespace {

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

class peer final : public handle_translator, public std::enable_shared_from_this<peer> {
public:
  /// `dialed`: the address that this side connected to, if it did.
  peer(std::shared_ptr<remoting::implementation> owner, std::unique_ptr<wire::link> link, std::string dialed)
      : owner_(owner), system_(owner->system), self_(owner->self), link_(std::move(link)), dialed_(std::move(dialed)) {}

  void start();
  void close() { link_->close(); }

  const wire::peer_info& info() const { return link_->peer(); }
  bool is_at(const std::string& address) const { return dialed_ == address || info().node.listen_address == address; }
  bool alive() const {
    const std::lock_guard lock(mutex_);
    return !lost_;
  }

  caf::actor node_actor() { return to_handle({info().node.id, node_actor_number, info().node.listen_address}); }

  wire::actor_ref to_reference(const caf::actor& handle) override;
  caf::actor to_handle(const wire::actor_ref& reference) override;
  time_point now() const override { return system_.clock().now(); }

  /// From a remote_actor: sends what was enqueued there.
  void outgoing(std::uint64_t target, caf::mailbox_element_ptr what);
  /// From the answer_sink.
  void outgoing_answer(std::uint64_t correlation, const caf::message& content);

  void on_message(const wire::incoming_message& message);
  void on_closed(const error& reason);

private:
  struct pending_request {
    caf::strong_actor_ptr requester;
    caf::message_id id;
  };

  result<void> post(wire::envelope letter);
  void post_answer(std::uint64_t correlation, wire::body content);
  std::optional<pending_request> take_pending(std::uint64_t correlation);
  void deliver(wire::envelope& letter);
  void refuse(error why);
  void watch(const wire::envelope& letter);
  void proxy_down(const wire::actor_ref& whom, const caf::error& reason);

  std::weak_ptr<remoting::implementation> owner_;
  caf::actor_system& system_;
  wire::node_identity self_;
  std::unique_ptr<wire::link> link_;
  const std::string dialed_;
  caf::strong_actor_ptr answers_;
  std::unordered_set<std::uint64_t> watched_;  // by the peer; for the link's thread

  mutable std::mutex mutex_;
  bool lost_ = false;
  std::uint64_t correlations_ = 0;
  std::unordered_map<std::uint64_t, pending_request> pending_;
  std::unordered_map<std::uint64_t, caf::strong_actor_ptr> proxies_;
};

/// The link keeps this alive, this does not keep the peer alive: no cycle.
class peer_handler final : public wire::link_handler {
public:
  explicit peer_handler(std::weak_ptr<peer> owner) : owner_(std::move(owner)) {}
  void on_message(wire::incoming_message message) override {
    if (const auto alive = owner_.lock()) alive->on_message(message);
  }
  void on_closed(const error& reason) override {
    if (const auto alive = owner_.lock()) alive->on_closed(reason);
  }

private:
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

void peer::start() {
  answers_ = make_proxy<answer_sink>(system_, weak_from_this());
  link_->start(std::make_shared<peer_handler>(weak_from_this()));
}

wire::actor_ref peer::to_reference(const caf::actor& handle) {
  if (!handle) return {};
  const auto pointer = caf::actor_cast<caf::strong_actor_ptr>(handle);
  if (const auto* remote = dynamic_cast<const remote_actor*>(pointer->get())) return remote->reference();
  const auto owner = owner_.lock();
  if (!owner) return {};
  const std::uint64_t number = owner->publish(handle);
  return number == 0 ? wire::actor_ref{} : wire::actor_ref{self_.id, number, self_.listen_address};
}

caf::actor peer::to_handle(const wire::actor_ref& reference) {
  const auto owner = owner_.lock();
  if (reference && owner) {
    if (reference.node == self_.id)
      if (auto local = owner->find_local(reference.actor)) return local;
    // A third node: the handle belongs to the link to that node.
    if (reference.node != self_.id && reference.node != info().node.id)
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
  if (const auto owner = owner_.lock()) ++owner->refused;
  link_->close(std::move(why));
}

void peer::deliver(wire::envelope& letter) {
  const bool wants_answer = letter.kind == wire::envelope_kind::request;
  const auto owner = owner_.lock();
  const caf::actor target = owner ? owner->find_local(letter.target) : caf::actor();
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
  const auto owner = owner_.lock();
  const caf::actor target = owner ? owner->find_local(letter.target) : caf::actor();
  const wire::actor_ref whom{self_.id, letter.target, {}};
  const auto announce = [self = weak_from_this(), whom](const error& why) {
    if (const auto alive = self.lock()) (void)alive->post({wire::envelope_kind::down, 0, 0, whom, why});
  };
  if (!target || watched_.size() >= proxies_max)
    return announce(error(errc::unavailable, target ? "the peer watches too many actors" : "the actor has ended"));
  if (!watched_.insert(letter.target).second) return;  // it is told once
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
  if (const auto owner = owner_.lock()) owner->forget(this);
}

}  // namespace

remoting::implementation::implementation(caf::actor_system& owner, remoting_options given)
    : system(owner), options(std::move(given)) {
  self.name = options.name;
  auto drawn = random_bits();
  if (drawn)
    self.id = *drawn;
  else
    unusable = drawn.error();
}

result<wire::node_id> remoting::implementation::random_bits() const {
  if (!options.network) return wire::make_node_id();
  const std::uint64_t high = options.network->random_number();
  return wire::node_id{high, options.network->random_number()};
}

std::shared_ptr<peer> remoting::implementation::linked_to(const std::string& address,
                                                          const std::optional<wire::key_hash>& owner) {
  const std::lock_guard lock(mutex);
  for (const auto& each : peers)
    if (each->alive() && each->is_at(address) && (!owner || each->info().proof.key == *owner)) return each;
  return nullptr;
}

result<void> remoting::implementation::usable() {
  const std::lock_guard lock(mutex);
  if (unusable) return *unusable;
  if (stopped) return error(errc::cancelled, "the system is stopping");
  return {};
}

result<std::shared_ptr<peer>> remoting::implementation::adopt(std::unique_ptr<wire::link> made, std::string dialed) {
  auto joined = std::make_shared<peer>(shared_from_this(), std::move(made), std::move(dialed));
  {
    const std::lock_guard lock(mutex);
    if (stopped) return error(errc::cancelled, "the system is stopping");
    // A machine must not pass its process off as that of another.
    for (const auto& each : peers)
      if (each->info().node.id == joined->info().node.id && each->info().proof.key != joined->info().proof.key)
        return fail(errc::invalid_argument, "the node \"{}\" greets with the id of another machine's node",
                    joined->info().node.name);
    peers.push_back(joined);
  }
  joined->start();
  return joined;
}

result<wire::tcp_options> remoting::implementation::link_options(const wire::address& where) const {
  wire::tcp_options made{.self = self, .security = options.security};
  const bool may_leave = options.security == wire::link_security::always || !where.is_loopback();
  if (may_leave && !options.state_directory.empty()) {
    TROUPE_TRY(wire::identity key, wire::identity::load_or_make(options.state_directory));
    made.credentials = wire::credentials{std::move(key), wire::trust_store(options.state_directory)};
  }
  return made;
}

void remoting::implementation::forget(const peer* gone) {
  std::shared_ptr<peer> last;  // destroyed outside the lock
  const std::lock_guard lock(mutex);
  const auto found = std::find_if(peers.begin(), peers.end(), [&](const auto& each) { return each.get() == gone; });
  if (found == peers.end()) return;
  last = std::move(*found);
  peers.erase(found);
}

std::shared_ptr<peer> remoting::implementation::find_peer(const wire::node_id& id) {
  const std::lock_guard lock(mutex);
  for (const auto& each : peers)
    if (each->info().node.id == id && each->alive()) return each;
  return nullptr;
}

caf::actor remoting::implementation::find_local(std::uint64_t number) {
  const std::lock_guard lock(mutex);
  const auto found = exported.find(number);
  return found == exported.end() ? caf::actor() : caf::actor_cast<caf::actor>(found->second);
}

std::uint64_t remoting::implementation::publish(const caf::actor& handle) {
  {
    const std::lock_guard lock(mutex);
    if (const auto known = numbers.find(handle.id()); known != numbers.end()) return known->second;
  }
  const auto drawn = random_bits();  // 64 of them name an actor
  const std::uint64_t number = drawn ? drawn->low : 0;
  if (number <= node_actor_number) return 0;
  publish_as(number, handle);
  const std::lock_guard lock(mutex);
  const auto known = numbers.find(handle.id());  // another thread may have been faster; both numbers are good
  return known == numbers.end() ? number : known->second;
}

void remoting::implementation::publish_as(std::uint64_t number, const caf::actor& handle) {
  {
    const std::lock_guard lock(mutex);
    exported.insert_or_assign(number, handle.address());
    if (number != node_actor_number) numbers.emplace(handle.id(), number);
  }
  handle->attach_functor([self = weak_from_this(), number, id = handle.id(), address = handle.address()] {
    const auto alive = self.lock();
    if (!alive) return;
    const std::lock_guard lock(alive->mutex);
    alive->numbers.erase(id);
    if (const auto found = alive->exported.find(number); found != alive->exported.end() && found->second == address)
      alive->exported.erase(found);
  });
}

void remoting::implementation::connect_through_network(const std::string& address, time_point deadline,
                                                       std::function<void(result<caf::actor>)> done) {
  if (const auto known = linked_to(address, {})) return done(known->node_actor());
  options.network->connect(self, address, deadline, [weak = weak_from_this(), address, done](auto made) {
    const auto alive = weak.lock();
    if (!alive) return done(error(errc::cancelled, "the system is stopping"));
    if (!made) return done(std::move(made).error());
    const auto joined = alive->adopt(std::move(*made), address);
    if (!joined) return done(joined.error());
    done((*joined)->node_actor());
  });
}

remoting::remoting(caf::actor_system& system, const remoting_options& options)
    : impl_(std::make_shared<implementation>(system, options)) {}

remoting::~remoting() {
  stop();
}

void remoting::publish_node(const caf::actor& node) {
  impl_->publish_as(node_actor_number, node);
}

result<std::uint16_t> remoting::listen(std::string_view address) {
  TROUPE_CHECK(impl_->usable());
  TROUPE_TRY(const auto where, wire::parse_address(address));
  const auto accepted = [weak = std::weak_ptr(impl_)](std::unique_ptr<wire::link> made) {
    if (const auto alive = weak.lock()) (void)alive->adopt(std::move(made), {});
  };
  if (impl_->options.network) {
    impl_->self.listen_address = where.to_string();
    TROUPE_CHECK(impl_->options.network->listen(impl_->self, accepted));
    return where.port;
  }
  TROUPE_TRY(wire::tcp_options options, impl_->link_options(where));
  TROUPE_TRY(auto listener, wire::listen_tcp(where.to_string(), std::move(options), accepted));
  impl_->self.listen_address = listener->local_address().to_string();
  const std::uint16_t port = listener->local_address().port;
  const std::lock_guard lock(impl_->mutex);
  impl_->listener = std::move(listener);
  return port;
}

result<caf::actor> remoting::connect(std::string_view address, time_point deadline,
                                     std::optional<wire::key_hash> owner) {
  TROUPE_CHECK(impl_->usable());
  TROUPE_TRY(const auto where, wire::parse_address(address));
  if (const auto known = impl_->linked_to(where.to_string(), owner)) return known->node_actor();
  TROUPE_TRY(wire::tcp_options options, impl_->link_options(where));
  options.expected_key = owner;
  TROUPE_TRY(auto made, wire::connect_tcp(where.to_string(), options, deadline));
  TROUPE_TRY(const auto joined, impl_->adopt(std::move(made), where.to_string()));
  return joined->node_actor();
}

void remoting::connect_async(std::string address, time_point deadline, std::function<void(result<caf::actor>)> done) {
  if (impl_->options.network) return impl_->connect_through_network(address, deadline, std::move(done));
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->connectors.remove_if([](implementation::connector& each) {
      if (!*each.finished) return false;
      each.thread.join();
      return true;
    });
    if (!impl_->stopped) {
      const auto finished = std::make_shared<std::atomic<bool>>(false);
      impl_->connectors.push_back(
          {std::thread([this, finished, address = std::move(address), deadline, done = std::move(done)] {
             {
               const host_scope scope;
               done(connect(address, deadline));
             }
             *finished = true;
           }),
           finished});
      return;
    }
  }
  done(error(errc::cancelled, "the system is stopping"));
}

std::size_t remoting::refused_count() const noexcept {
  return impl_->refused;
}

void remoting::stop() {
  decltype(impl_->listener) listener;
  decltype(impl_->peers) peers;
  decltype(impl_->connectors) connectors;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    listener.swap(impl_->listener);
    peers.swap(impl_->peers);
    connectors.swap(impl_->connectors);
  }
  listener.reset();
  for (auto& connector : connectors) connector.thread.join();
  for (const auto& each : peers) {
    each->close();
    // Also when the link's own report comes too late for us to hear it.
    each->on_closed(error(errc::cancelled, "this node stops"));
  }
}

}  // namespace troupe
