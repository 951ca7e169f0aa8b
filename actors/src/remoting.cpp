#include "remoting.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "exported_actors.hpp"
#include "peer.hpp"
#include "runtime.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Counts the threads of links that may still call actors of this process.
class thread_count : public std::enable_shared_from_this<thread_count> {
public:
  /// One more, until what is returned is released.
  std::shared_ptr<void> enter() {
    const std::lock_guard lock(mutex_);
    ++running_;
    return {nullptr, [self = shared_from_this()](void*) { self->leave(); }};
  }
  void wait_for_none() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return running_ == 0; });
  }

private:
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t running_ = 0;
};

}  // namespace

struct remoting::implementation final : peer_owner, std::enable_shared_from_this<remoting::implementation> {
  implementation(caf::actor_system& owner, remoting_options given);

  caf::actor_system& system;
  const remoting_options options;
  const std::shared_ptr<exported_actors> exports;
  const std::shared_ptr<thread_count> threads = std::make_shared<thread_count>();
  std::optional<error> unusable;
  std::atomic<std::size_t> refused{0};

  std::mutex mutex;
  wire::node_identity self;
  bool stopped = false;
  std::unique_ptr<wire::tcp_listener> listener;
  std::vector<std::shared_ptr<peer>> peers;
  struct connector {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> finished;
  };
  std::list<connector> connectors;

  result<void> usable();
  result<std::shared_ptr<peer>> adopt(std::unique_ptr<wire::link> made, std::string dialed);
  /// The peer at this address that there is a link to already.
  std::shared_ptr<peer> linked_to(const std::string& address, const std::optional<wire::key_hash>& owner);
  /// `connect_async` where links come from `options.network`.
  void connect_through_network(const std::string& address, time_point deadline,
                               std::function<void(result<caf::actor>)> done);
  /// How to talk to `where`.
  result<wire::tcp_options> link_options(const wire::address& where);

  std::shared_ptr<peer> find_peer(const wire::node_id& id) override;
  void forget(const peer& gone) override;
  void count_refusal() noexcept override { ++refused; }
};

namespace {

/// Bits that nobody guesses: of the system, or of the network that stands for it.
std::function<result<wire::node_id>()> random_bits(const std::shared_ptr<wire::link_network>& network) {
  if (!network) return wire::make_node_id;
  return [network]() -> result<wire::node_id> {
    const std::uint64_t high = network->random_number();
    return wire::node_id{high, network->random_number()};
  };
}

}  // namespace

remoting::implementation::implementation(caf::actor_system& owner, remoting_options given)
    : system(owner),
      options(std::move(given)),
      exports(std::make_shared<exported_actors>(random_bits(options.network))) {
  self.name = options.name;
  auto drawn = random_bits(options.network)();
  if (drawn)
    self.id = *drawn;
  else
    unusable = drawn.error();
}

result<void> remoting::implementation::usable() {
  const std::lock_guard lock(mutex);
  if (unusable) return *unusable;
  if (stopped) return error(errc::cancelled, "the system is stopping");
  return {};
}

result<std::shared_ptr<peer>> remoting::implementation::adopt(std::unique_ptr<wire::link> made, std::string dialed) {
  std::shared_ptr<peer> joined;
  std::unique_lock lock(mutex);
  if (stopped) return error(errc::cancelled, "the system is stopping");
  // A machine must not pass its process off as that of another.
  for (const auto& each : peers)
    if (each->info().node.id == made->peer().node.id && each->info().proof.key != made->peer().proof.key)
      return fail(errc::invalid_argument, "the node \"{}\" greets with the id of another machine's node",
                  made->peer().node.name);
  joined = std::make_shared<peer>(weak_from_this(), exports, system, self, std::move(made), std::move(dialed));
  peers.push_back(joined);
  auto guest = threads->enter();  // before `stop` can see it
  lock.unlock();
  joined->start(std::move(guest));
  return joined;
}

result<wire::tcp_options> remoting::implementation::link_options(const wire::address& where) {
  wire::tcp_options made{.security = options.security};
  {
    const std::lock_guard lock(mutex);
    made.self = self;
  }
  const bool may_leave = options.security == wire::link_security::always || !where.is_loopback();
  if (may_leave && !options.state_directory.empty()) {
    TROUPE_TRY(wire::identity key, wire::identity::load_or_make(options.state_directory));
    made.credentials = wire::credentials{std::move(key), wire::trust_store(options.state_directory)};
  }
  return made;
}

void remoting::implementation::forget(const peer& gone) {
  std::shared_ptr<peer> last;  // destroyed outside the lock
  const std::lock_guard lock(mutex);
  const auto found = std::find_if(peers.begin(), peers.end(), [&](const auto& each) { return each.get() == &gone; });
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

std::shared_ptr<peer> remoting::implementation::linked_to(const std::string& address,
                                                          const std::optional<wire::key_hash>& owner) {
  const std::lock_guard lock(mutex);
  for (const auto& each : peers)
    if (each->alive() && each->is_at(address) && (!owner || each->info().proof.key == *owner)) return each;
  return nullptr;
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
  impl_->exports->publish_as(node_actor_number, node);
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
  const std::uint16_t port = listener->local_address().port;
  const std::lock_guard lock(impl_->mutex);
  impl_->self.listen_address = listener->local_address().to_string();
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
  for (const auto& each : peers) each->close(error(errc::cancelled, "this node stops"));
  // A link that was lost a moment ago may still be telling actors so, whose system the caller is about to destroy. Each
  // thread ends within the time that its link allows for closing.
  impl_->threads->wait_for_none();
}

}  // namespace troupe
