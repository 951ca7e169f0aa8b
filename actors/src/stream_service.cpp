#include "stream_service.hpp"

#include <exception>

#include "runtime.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/permission.hpp"

namespace troupe {
namespace {

/// How often clocks are looked at while nothing happens, and the pause after a step that failed.
constexpr std::chrono::milliseconds tick_time{100};

}  // namespace

/// On the threads of one link.
class stream_service::client_handler final : public wire::link_handler {
public:
  client_handler(std::weak_ptr<stream_service> owner, client_id self, std::weak_ptr<wire::link> link,
                 wire::peer_role role)
      : owner_(std::move(owner)), self_(self), link_(std::move(link)), role_(role) {}

  void on_message(wire::incoming_message message) override {
    auto letter = wire::decode(message);
    if (!letter) return refuse(std::move(letter).error());
    if (auto allowed = wire::check_permission(role_, *letter); !allowed) return refuse(std::move(allowed).error());
    if (auto* asked = std::get_if<wire::open_stream>(&letter->body))
      return post(std::move(*asked), message.byte_size());
    if (const auto* said = std::get_if<wire::stream_ack>(&letter->body)) return post(*said, message.byte_size());
    // News of actors that nobody here watches; anything else is for a node, which this is not.
    if (letter->kind == wire::envelope_kind::message || letter->kind == wire::envelope_kind::request)
      refuse(error(errc::invalid_argument, "a server of streams takes requests for streams only"));
  }

  void on_closed(const error&) override {
    if (const auto owner = owner_.lock()) (void)owner->post({self_, gone{}}, 0);
  }

private:
  template <class Record>
  void post(Record&& record, std::size_t bytes) {
    const auto owner = owner_.lock();
    if (!owner || !owner->post({self_, std::forward<Record>(record)}, bytes))
      refuse(error(errc::unavailable, "the server of streams does not keep up"));
  }

  void refuse(error why) {
    if (const auto link = link_.lock()) link->close(std::move(why));
  }

  std::weak_ptr<stream_service> owner_;
  client_id self_;
  std::weak_ptr<wire::link> link_;
  wire::peer_role role_;
};

void stream_service::start() {
  {
    const std::lock_guard lock(mutex_);
    stats_.live = table_.live();
    stats_.durable = table_.durable();
  }
  thread_ = std::thread([this] {
    const host_scope scope;
    try {
      run();
    } catch (const std::exception& failure) {
      // Nothing of ours throws; the standard library may, when there is no memory. Clients come back to who is next.
      {
        const std::lock_guard lock(mutex_);
        stats_.failure = failure.what();
        stopping_.cancel();
      }
      hang_up();
    }
  });
}

void stream_service::stop() {
  stopping_.cancel();
  something_.notify_all();
  if (thread_.joinable()) thread_.join();
  hang_up();
  clients_.clear();
  std::deque<event> unread;  // its links are destroyed without the mutex, which their threads may want
  const std::lock_guard lock(mutex_);
  unread.swap(inbox_);
}

void stream_service::hang_up() {
  // Without a farewell, which a client would report: it comes back to who is next.
  for (auto& [id, each] : clients_) each.link->close();
  const std::lock_guard lock(mutex_);
  for (event& each : inbox_)
    if (const auto* made = std::get_if<joined>(&each.what)) made->link->close();
}

void stream_service::add_link(std::unique_ptr<wire::link> made) {
  const std::shared_ptr<wire::link> link = std::move(made);
  client_id self = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.cancelled()) return;
    self = ++last_client_;
    inbox_.push_back({self, joined{link}});
  }
  link->start(std::make_shared<client_handler>(weak_from_this(), self, link, link->peer().proof.role));
}

bool stream_service::post(event what, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.cancelled()) return true;  // nobody takes it any more
    const bool is_request = std::holds_alternative<wire::open_stream>(what.what);
    if (!std::holds_alternative<gone>(what.what) && !budget_.take(what.from, bytes, is_request)) return false;
    inbox_.push_back(std::move(what));
  }
  something_.notify_all();
  return true;
}

stream_server_stats stream_service::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void stream_service::run() {
  while (!stopping_.cancelled()) {
    take_events(model_.sessions.idle() || failing_since_);
    table_.tick(steady_clock::now());
    change_sessions();
    send_letters();
    if (!model_.sessions.idle()) make_step();
    send_letters();
  }
}

void stream_service::take_events(bool may_wait) {
  std::deque<event> arrived;
  {
    std::unique_lock lock(mutex_);
    if (may_wait) something_.wait_for(lock, tick_time, [this] { return !inbox_.empty() || stopping_.cancelled(); });
    arrived.swap(inbox_);
    budget_.clear();
  }
  for (event& each : arrived) take(std::move(each));
}

void stream_service::take(event what) {
  const auto now = steady_clock::now();
  if (auto* made = std::get_if<joined>(&what.what)) {
    const wire::key_hash key = made->link->peer().proof.key;
    clients_.emplace(what.from, client{std::move(made->link), key});
    return;
  }
  const auto who = clients_.find(what.from);
  if (who == clients_.end()) return;
  if (auto* asked = std::get_if<wire::open_stream>(&what.what)) {
    table_.open(what.from, who->second.key, std::move(*asked), now);
  } else if (const auto* said = std::get_if<wire::stream_ack>(&what.what)) {
    table_.ack(what.from, *said, now);
  } else {
    table_.leave(what.from);
    clients_.erase(who);
  }
}

void stream_service::change_sessions() {
  stream_table::changes wanted = table_.take_changes();
  for (const stream_number which : wanted.stops) {
    const auto found = sessions_of_.find(which);
    if (found == sessions_of_.end()) continue;
    model_.sessions.remove(found->second);
    streams_of_.erase(found->second);
    sessions_of_.erase(found);
  }
  for (stream_table::start& each : wanted.starts) {
    auto begun = model_.sessions.add(std::move(each.tokens), std::move(each.options));
    if (!begun) {
      if (begun.error().retryable()) {
        table_.postpone(each.which);
      } else {
        table_.give_up(each.which, begun.error(), steady_clock::now());
      }
      continue;
    }
    streams_of_[*begun] = each.which;
    sessions_of_[each.which] = *begun;
  }
}

void stream_service::make_step() {
  auto made = model_.sessions.step(steady_clock::now() + options_.step_deadline, stopping_);
  const auto now = steady_clock::now();
  if (!made) {
    if (stopping_.cancelled()) return;
    if (!failing_since_) failing_since_ = now;
    // A step that fails leaves its sessions as they were.
    const errc code = made.error().code();
    const bool may_pass = retryable(code) || code == errc::deadline_exceeded || code == errc::state_lost;
    if (may_pass && now - *failing_since_ < options_.recovery) return;
    failing_since_.reset();
    table_.give_up_all(made.error(), now);
    return;
  }
  failing_since_.reset();
  for (const session_output& output : *made) {
    const auto found = streams_of_.find(output.session);
    if (found == streams_of_.end()) continue;
    if (output.failure) table_.give_up(found->second, *output.failure, now);
    if (output.token) table_.add(found->second, output.token->token, now);
  }
  const std::lock_guard lock(mutex_);
  for (const session_output& output : *made) stats_.tokens += output.token ? 1 : 0;
}

void stream_service::send_letters() {
  for (stream_table::letter& each : table_.take_letters()) {
    const auto who = clients_.find(each.to);
    if (who == clients_.end()) continue;
    auto message = wire::encode({.kind = wire::envelope_kind::message,
                                 .correlation = 0,
                                 .target = stream_actor_number,
                                 .sender = {},
                                 .body = std::move(each.part)});
    // A client that takes nothing loses its link, and gets what it lacks over the next one.
    if (!message) {
      who->second.link->close(std::move(message).error());
    } else if (auto sent = who->second.link->send(std::move(*message)); !sent) {
      who->second.link->close(std::move(sent).error());
    }
  }
  const std::lock_guard lock(mutex_);
  stats_.live = table_.live();
  stats_.durable = table_.durable();
  if (table_.log_failure()) stats_.log_failure = table_.log_failure()->to_string();
}

}  // namespace troupe
