#include "troupe/transport/simulated_network.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/handshake.hpp"
#include "wire/liveness.hpp"

namespace troupe::wire {

std::uint64_t seeded_numbers::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::optional<time_point> timeline::next() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

void timeline::run_next() {
  const auto what = std::move(due_.begin()->second);
  due_.erase(due_.begin());
  what();
}

namespace {

/// What a connection carries before its sender has to wait for the receiver, as with sockets' buffers.
constexpr std::size_t window_bytes = 4 * limits::frame_bytes_max;

using direction = std::pair<std::uint32_t, std::uint32_t>;  // from, to

std::vector<std::byte> whole_frame(outbox& from) {
  std::vector<std::byte> bytes;
  const auto pieces = from.next();
  std::size_t total = 0;
  for (const auto& piece : pieces) total += piece.size();
  bytes.reserve(total);
  for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  from.sent(total);
  return bytes;
}

std::uint64_t digest_of(std::span<const std::byte> frame) {
  std::uint64_t made = 0xcbf29ce484222325u ^ frame.size();
  for (const std::byte each : frame.first(std::min(frame.size(), frame_header_bytes)))
    made = (made ^ static_cast<std::uint64_t>(each)) * 0x100000001b3u;
  return made;
}

class connection;

}  // namespace

struct simulated_network::implementation : std::enable_shared_from_this<implementation> {
  implementation(timeline& timing, std::uint64_t seed, observer telling)
      : time(timing), numbers(seed), told(std::move(telling)) {}

  struct listener {
    node_identity self;
    std::function<void(std::unique_ptr<link>)> accepted;
  };

  timeline& time;
  seeded_numbers numbers;
  observer told;
  std::map<direction, path> paths;
  std::map<direction, std::deque<frame_damage>> damages;
  std::array<std::uint32_t, 3> damaged{};
  std::map<std::uint32_t, listener> listeners;
  std::map<std::uint32_t, std::uint64_t> lives;  // of nodes, by how often they were severed
  std::set<std::uint32_t> frozen;
  std::map<std::uint32_t, std::vector<std::function<void()>>> after_thaw;
  std::vector<std::shared_ptr<connection>> connections;
  std::size_t queued_seen = 0;

  path path_of(std::uint32_t from, std::uint32_t to) const {
    const auto found = paths.find({from, to});
    return found == paths.end() ? path{} : found->second;
  }
  duration travel(const path& over) {
    return over.delay +
           duration(over.jitter.count() > 0
                        ? static_cast<duration::rep>(numbers.below(static_cast<std::uint64_t>(over.jitter.count())))
                        : 0);
  }
  void enter(std::uint32_t node) {
    if (told.entering) told.entering(node);
  }
  void connect(std::uint32_t from, std::uint64_t life, const node_identity& self, std::uint32_t to, time_point deadline,
               std::function<void(result<std::unique_ptr<link>>)> done);
  void greet(std::uint32_t from, std::uint64_t life, const node_identity& self, std::uint32_t to, time_point deadline,
             const std::function<void(result<std::unique_ptr<link>>)>& done);
};

namespace {

using network = simulated_network::implementation;

/// Two ends that are each other's peer, and what is between them.
class connection : public std::enable_shared_from_this<connection> {
public:
  struct end : private frame_reader::sink {
    end(connection& whole, std::size_t index, std::uint32_t where, greeted_connection made)
        : owner(whole),
          side(index),
          node(where),
          peer(std::move(made.peer)),
          profile(made.profile),
          reader(std::move(made.reader)),
          out(std::move(made.out)),
          life(made.profile, whole.net_.time.now()) {
      peer.proof.role = peer_role::coordinator;  // within one machine nobody proves a key
    }
    result<void> take(std::span<const std::byte> bytes, time_point now);
    result<void> on_hello(std::span<const std::byte>) override {
      return fail(errc::internal, "a second greeting passed the reader");
    }
    result<void> on_goodbye(std::span<const std::byte> payload) override { return decode_goodbye(payload); }
    void on_heartbeat(std::uint64_t heard) override { life.on_report(heard, out.sent_bytes(), owner.net_.time.now()); }
    result<void> on_message(incoming_message message) override {
      // The handler may end the link that it belongs to.
      if (const auto receiver = handler; receiver && !closing) receiver->on_message(std::move(message));
      return {};
    }

    connection& owner;
    const std::size_t side;
    const std::uint32_t node;
    peer_info peer;
    link_profile profile;
    frame_reader reader;
    outbox out;
    liveness life;
    std::shared_ptr<link_handler> handler;
    bool closing = false;  ///< by this side
    error why{errc::cancelled, ""};
    bool over = false;
    bool room_wanted = false;
    bool pump_comes = false;
    bool took_damage = false;  ///< the frame read last was damaged, and nothing was said yet
    time_point wire_free{}, last_arrival{};
    std::size_t in_flight = 0;  ///< bytes sent and not read by the peer
    /// What this end's path holds back, and what has reached this end while its node stood still.
    struct parcel {
      std::vector<std::byte> bytes;  ///< none: the end of the stream
      bool damaged = false;
    };
    std::deque<parcel> held, arrived;
  };

  connection(network& net, std::uint32_t from, greeted_connection first, std::uint32_t to, greeted_connection second)
      : net_(net), ends_{end(*this, 0, from, std::move(first)), end(*this, 1, to, std::move(second))} {}

  end& at(std::size_t side) { return ends_[side]; }
  end& opposite(const end& of) { return ends_[1 - of.side]; }
  bool joins(std::uint32_t one, std::uint32_t other) const {
    return (ends_[0].node == one && ends_[1].node == other) || (ends_[0].node == other && ends_[1].node == one);
  }
  bool over() const { return ends_[0].over && ends_[1].over; }

  void start(end& of, std::shared_ptr<link_handler> handler) {
    of.handler = std::move(handler);
    tick_later(of);
  }
  result<void> send(end& of, outgoing_message message) {
    if (of.closing || of.over) return fail(errc::unavailable, "the link to \"{}\" is closed", of.peer.node.name);
    if (auto queued = of.out.push(std::move(message)); !queued) {
      of.room_wanted = of.room_wanted || queued.error().code() == errc::unavailable;
      return std::move(queued).while_doing(fmt::format("sending to \"{}\"", of.peer.node.name));
    }
    net_.queued_seen = std::max(net_.queued_seen, of.out.waiting_bytes());
    pump(of);
    return {};
  }
  void close(end& of, error why) {
    if (of.closing || of.over) return;
    of.closing = true;
    of.why = std::move(why);
    net_.time.at(net_.time.now(), [self = shared_from_this(), &of] { self->wind_down(of, self->net_.time.now()); });
  }
  /// The end disappears without a word of its own.
  void vanish(end& of, bool silently) {
    if (std::exchange(of.over, true)) return;
    of.handler.reset();
    if (!silently) depart(of, {});
  }
  void break_off() {
    for (end& each : ends_) {
      each.held.clear();
      each.arrived.clear();
    }
    for (end& each : ends_)
      net_.time.after(net_.travel(net_.path_of(each.node, opposite(each).node)), [self = shared_from_this(), &each] {
        self->finish(each, error(errc::unavailable, "the connection was reset"));
      });
  }
  void unblocked(end& of) {
    for (auto& parcel : std::exchange(of.held, {})) arrive_later(of, std::move(parcel), duration{});
  }
  void thawed(end& of) {
    for (auto& parcel : std::exchange(of.arrived, {})) deliver(of, parcel);
    if (of.over) return;
    pump(of);
    tick(of);
  }
  void pump(end& of) {
    if (of.over || of.pump_comes || net_.frozen.count(of.node)) return;
    const time_point now = net_.time.now();
    while (!of.out.empty() && of.in_flight < window_bytes) {
      if (of.wire_free > now) {
        of.pump_comes = true;
        return net_.time.at(of.wire_free, [self = shared_from_this(), &of] {
          of.pump_comes = false;
          self->pump(of);
        });
      }
      of.life.on_sent(now);
      depart(of, whole_frame(of.out));
    }
    if (!of.room_wanted || of.closing || of.out.waiting_bytes() > limits::control_queue_bytes_max / 2) return;
    of.room_wanted = false;
    if (of.handler) of.handler->on_room();
  }

private:
  void depart(end& of, std::vector<std::byte> bytes) {
    end::parcel sent{std::move(bytes), false};
    const direction way{of.node, opposite(of).node};
    const path over = net_.path_of(way.first, way.second);
    const auto transfer =
        duration(static_cast<duration::rep>(static_cast<double>(sent.bytes.size()) / over.bytes_per_s * 1e9));
    of.wire_free = std::max(of.wire_free, net_.time.now()) + transfer;
    bool twice = false, cut = false;
    if (auto damage = net_.damages.find(way); damage != net_.damages.end() && !sent.bytes.empty()) {
      const frame_damage how = damage->second.front();
      damage->second.pop_front();
      if (damage->second.empty()) net_.damages.erase(damage);
      ++net_.damaged[static_cast<std::size_t>(how)];
      twice = how == frame_damage::duplicate;
      cut = how == frame_damage::truncate;
      spoil(sent, how);
    }
    if (cut)  // a stream has no holes: what follows is lost with the connection
      net_.time.at(std::max(of.wire_free, of.last_arrival), [self = shared_from_this()] { self->break_off(); });
    auto again = twice ? std::optional(sent) : std::nullopt;
    arrive_later(of, std::move(sent), of.wire_free - net_.time.now());
    if (again) {
      again->damaged = true;
      arrive_later(of, std::move(*again), of.wire_free - net_.time.now());
    }
  }

  void spoil(end::parcel& sent, frame_damage how) {
    if (how == frame_damage::duplicate) return;
    sent.damaged = true;
    if (how == frame_damage::truncate) {
      sent.bytes.resize(net_.numbers.below(sent.bytes.size()));
      if (sent.bytes.empty()) sent.bytes.resize(1);
      return;
    }
    // In bytes side by side, so that no flip takes back another.
    const std::uint64_t first = net_.numbers.below(sent.bytes.size());
    for (std::uint64_t flips = 1 + net_.numbers.below(4); flips > 0; --flips)
      sent.bytes[(first + flips) % sent.bytes.size()] ^= static_cast<std::byte>(1u << net_.numbers.below(8));
  }

  void arrive_later(end& from, end::parcel sent, duration transfer) {
    from.in_flight += sent.bytes.size();
    const duration taken = transfer + net_.travel(net_.path_of(from.node, opposite(from).node));
    from.last_arrival = std::max(from.last_arrival, net_.time.now() + taken);
    net_.time.at(from.last_arrival, [self = shared_from_this(), &from, sent = std::move(sent)]() mutable {
      self->arrive(from, std::move(sent));
    });
  }

  void arrive(end& from, end::parcel sent) {
    end& to = opposite(from);
    from.in_flight -= sent.bytes.size();
    if (net_.path_of(from.node, to.node).blocked || !from.held.empty()) {
      from.held.push_back(std::move(sent));
      return;
    }
    if (net_.frozen.count(to.node)) {
      to.arrived.push_back(std::move(sent));
      return;
    }
    deliver(to, sent);
    pump(from);
  }

  void deliver(end& to, const end::parcel& sent) {
    if (to.over) return;
    net_.enter(to.node);
    const end& from = opposite(to);
    if (net_.told.delivered) net_.told.delivered(from.node, to.node, digest_of(sent.bytes));
    if (sent.bytes.empty())
      return finish(to, to.closing ? to.why : error(errc::unavailable, "the peer has closed the connection"));
    const auto keep = shared_from_this();
    auto taken = to.take(sent.bytes, net_.time.now());
    if (taken) {
      // A frame that was cut short, or that came twice with a greeting, is only noticed with the one behind it.
      if (to.took_damage && net_.told.accepted_damage) net_.told.accepted_damage(from.node, to.node);
      to.took_damage = sent.damaged && sent.bytes.size() > frame_header_bytes && whole(sent.bytes);
      return;
    }
    if (taken.error().code() == errc::invalid_argument && !to.over && !to.out.inside_frame()) {
      to.out.push_goodbye(encode_goodbye(taken.error()));
      depart(to, whole_frame(to.out));
    }
    finish(to, to.closing ? to.why : taken.error());
  }

  static bool whole(std::span<const std::byte> bytes) {
    const auto header = decode_header(bytes.first<frame_header_bytes>(), false);
    return header && header->length + frame_header_bytes == bytes.size();
  }

  void tick_later(end& of) {
    const auto next = std::max(of.life.next_check(), net_.time.now() + std::chrono::milliseconds(1));
    net_.time.at(next, [self = shared_from_this(), &of] {
      if (self->net_.frozen.count(of.node)) return;  // `thawed` goes on
      self->tick(of);
    });
  }

  void tick(end& of) {
    if (of.over) return;
    net_.enter(of.node);
    const time_point now = net_.time.now();
    if (of.out.empty()) of.life.on_nothing_waits(now);
    if (auto lost = of.life.verdict(now)) return finish(of, std::move(*lost));
    if (!of.closing && of.life.heartbeat_due(now)) {
      of.life.on_heartbeat_queued(now);
      of.out.push_heartbeat(of.reader.received_bytes());
      pump(of);
    }
    tick_later(of);
  }

  void wind_down(end& of, time_point began) {
    if (of.over) return;
    const time_point now = net_.time.now();
    if (!of.out.empty() && now < began + limits::close_drain_time_max)
      return net_.time.after(std::chrono::milliseconds(1),
                             [self = shared_from_this(), &of, began] { self->wind_down(of, began); });
    if (of.out.empty()) {
      of.out.push_goodbye(encode_goodbye(of.why));
      if (!net_.frozen.count(of.node)) depart(of, whole_frame(of.out));
    }
    finish(of, of.why);
  }

  void finish(end& of, const error& why) {
    if (std::exchange(of.over, true)) return;
    depart(of, {});
    net_.enter(of.node);
    if (net_.told.closed) net_.told.closed(of.node, opposite(of).node, why);
    if (const auto receiver = std::exchange(of.handler, nullptr)) receiver->on_closed(why);
  }

  network& net_;
  std::array<end, 2> ends_;
};

result<void> connection::end::take(std::span<const std::byte> bytes, time_point now) {
  life.on_received(now);
  while (!bytes.empty()) {
    const auto room = reader.space();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    bytes = bytes.subspan(count);
    TROUPE_CHECK(reader.received(count, *this));
  }
  return {};
}

class simulated_link final : public link {
public:
  simulated_link(std::shared_ptr<connection> whole, std::size_t side) : whole_(std::move(whole)), side_(side) {}
  ~simulated_link() override {
    connection::end& mine = whole_->at(side_);
    mine.handler.reset();
    whole_->close(mine, error(errc::cancelled, "this side has closed the link"));
  }
  void start(std::shared_ptr<link_handler> handler) override { whole_->start(whole_->at(side_), std::move(handler)); }
  result<void> send(outgoing_message message) override { return whole_->send(whole_->at(side_), std::move(message)); }
  void close(error why) override { whole_->close(whole_->at(side_), std::move(why)); }
  const peer_info& peer() const noexcept override { return whole_->at(side_).peer; }
  std::size_t queued_bytes() const override { return whole_->at(side_).out.waiting_bytes(); }

private:
  std::shared_ptr<connection> whole_;
  const std::size_t side_;
};

/// What one node sees during one of its lives.
class attachment final : public link_network {
public:
  attachment(std::weak_ptr<network> net, std::uint32_t node, std::uint64_t life)
      : net_(std::move(net)), node_(node), life_(life) {}

  result<void> listen(const node_identity& self, std::function<void(std::unique_ptr<link>)> accepted) override {
    const auto net = net_.lock();
    if (!net) return error(errc::unavailable, "the simulated network is gone");
    net->listeners[node_] = {self, std::move(accepted)};
    return {};
  }
  void connect(const node_identity& self, const std::string& address, time_point deadline,
               std::function<void(result<std::unique_ptr<link>>)> done) override {
    const auto net = net_.lock();
    if (!net) return done(error(errc::unavailable, "the simulated network is gone"));
    for (std::uint32_t to = 0; to < 256; ++to)
      if (address == simulated_network::address_of(to)) return net->connect(node_, life_, self, to, deadline, done);
    done(fail(errc::invalid_argument, "the address {} is not of the simulated network", address));
  }
  std::uint64_t random_number() override {
    const auto net = net_.lock();
    return net ? net->numbers.next() : 0;
  }

private:
  std::weak_ptr<network> net_;
  const std::uint32_t node_;
  const std::uint64_t life_;
};

/// Both sides' greetings as one thing that happens.
result<std::pair<greeted_connection, greeted_connection>> exchange_greetings(const node_identity& caller,
                                                                             const node_identity& called) {
  handshake asks(handshake::side::connecting, {.node = caller}), answers(handshake::side::accepting, {.node = called});
  const auto move_over = [](handshake& from, handshake& to) -> result<void> {
    while (!from.output().empty()) {
      const auto bytes = whole_frame(from.output());
      std::memcpy(to.space().data(), bytes.data(), bytes.size());
      TROUPE_CHECK(to.received(bytes.size()));
    }
    return {};
  };
  TROUPE_CHECK(move_over(asks, answers));
  TROUPE_CHECK(move_over(answers, asks));
  return std::pair(std::move(asks).finish(), std::move(answers).finish());
}

}  // namespace

void network::connect(std::uint32_t from, std::uint64_t life, const node_identity& self, std::uint32_t to,
                      time_point deadline, std::function<void(result<std::unique_ptr<link>>)> done) {
  const duration taken = 2 * travel(path_of(from, to)) + travel(path_of(to, from));
  time.after(taken, [self, net = shared_from_this(), from, life, to, deadline, done = std::move(done)] {
    net->greet(from, life, self, to, deadline, done);
  });
}

void network::greet(std::uint32_t from, std::uint64_t life, const node_identity& self, std::uint32_t to,
                    time_point deadline, const std::function<void(result<std::unique_ptr<link>>)>& done) {
  if (lives[from] != life) return;  // who wanted it is gone
  if (frozen.count(from)) {
    after_thaw[from].push_back([=, net = this] { net->greet(from, life, self, to, deadline, done); });
    return;
  }
  enter(from);
  if (time.now() >= deadline) return done(fail(errc::deadline_exceeded, "{} did not greet in time", address_of(to)));
  if (path_of(from, to).blocked || path_of(to, from).blocked || frozen.count(to)) {
    const time_point end = std::min(deadline, time.now() + limits::handshake_time_max);
    time.at(end, [net = shared_from_this(), from, life, to, done] {
      if (net->lives[from] != life) return;
      net->enter(from);
      done(fail(errc::deadline_exceeded, "{} did not greet in time", address_of(to)));
    });
    return;
  }
  const auto found = listeners.find(to);
  if (found == listeners.end()) return done(fail(errc::unavailable, "{} refuses the connection", address_of(to)));
  auto greeted = exchange_greetings(self, found->second.self);
  if (!greeted) return done(std::move(greeted).error());
  const auto made =
      std::make_shared<connection>(*this, from, std::move(greeted->first), to, std::move(greeted->second));
  std::erase_if(connections, [](const auto& each) { return each->over(); });
  connections.push_back(made);
  enter(to);
  const auto accepted = found->second.accepted;
  accepted(std::make_unique<simulated_link>(made, 1));
  enter(from);
  done(std::make_unique<simulated_link>(made, 0));
}

simulated_network::simulated_network(timeline& time, std::uint64_t seed, observer told)
    : impl_(std::make_shared<implementation>(time, seed, std::move(told))) {}

simulated_network::~simulated_network() {
  impl_->connections.clear();
  impl_->listeners.clear();
  impl_->after_thaw.clear();
}

std::shared_ptr<link_network> simulated_network::attach(std::uint32_t node) {
  return std::make_shared<attachment>(impl_, node, impl_->lives[node]);
}

std::string simulated_network::address_of(std::uint32_t node) {
  return fmt::format("10.0.0.{}:7000", node);
}

void simulated_network::set_path(std::uint32_t from, std::uint32_t to, const path& conditions) {
  const bool was_blocked = impl_->path_of(from, to).blocked;
  impl_->paths[{from, to}] = conditions;
  if (!was_blocked || conditions.blocked) return;
  const auto all = impl_->connections;
  for (const auto& each : all)
    for (const std::size_t side : {0, 1})
      if (each->at(side).node == from && each->at(1 - side).node == to) each->unblocked(each->at(side));
}

path simulated_network::path_of(std::uint32_t from, std::uint32_t to) const {
  return impl_->path_of(from, to);
}

bool simulated_network::reset(std::uint32_t one, std::uint32_t other) {
  bool any = false;
  const auto all = impl_->connections;
  for (const auto& each : all) {
    if (!each->joins(one, other) || each->over()) continue;
    each->break_off();
    any = true;
  }
  return any;
}

void simulated_network::damage_next(std::uint32_t from, std::uint32_t to, frame_damage how) {
  impl_->damages[{from, to}].push_back(how);
}

std::uint32_t simulated_network::damaged(frame_damage how) const {
  return impl_->damaged[static_cast<std::size_t>(how)];
}

void simulated_network::freeze(std::uint32_t node) {
  impl_->frozen.insert(node);
}

void simulated_network::thaw(std::uint32_t node) {
  impl_->frozen.erase(node);
  const auto all = impl_->connections;
  for (const auto& each : all)
    for (const std::size_t side : {0, 1})
      if (each->at(side).node == node) each->thawed(each->at(side));
  for (const auto& waiting : std::exchange(impl_->after_thaw[node], {})) waiting();
}

void simulated_network::sever(std::uint32_t node, bool silently) {
  ++impl_->lives[node];
  impl_->listeners.erase(node);
  impl_->frozen.erase(node);
  impl_->after_thaw.erase(node);
  const auto all = impl_->connections;
  for (const auto& each : all)
    for (const std::size_t side : {0, 1})
      if (each->at(side).node == node) each->vanish(each->at(side), silently);
}

std::size_t simulated_network::links() const {
  return static_cast<std::size_t>(std::count_if(impl_->connections.begin(), impl_->connections.end(),
                                                [](const auto& each) { return !each->over(); }));
}

std::size_t simulated_network::queued_bytes_seen() const {
  return impl_->queued_seen;
}

}  // namespace troupe::wire
