#include "troupe/stream_client.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "random_number.hpp"
#include "stream_link.hpp"
#include "stream_service.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/codec.hpp"
#include "troupe/transport/farewell.hpp"
#include "troupe/transport/permission.hpp"

namespace troupe {
namespace {

constexpr std::chrono::milliseconds pause_first{50}, pause_most{2000};
constexpr std::chrono::milliseconds connect_time{5000};
/// So often a server may close a link with a reason before it is believed.
constexpr int farewells_max = 2;
/// Parts that wait to be read. A server sends no more than its window allows.
constexpr std::size_t parts_max = 65'536;

wire::envelope letter_with(wire::body record) {
  return {.kind = wire::envelope_kind::message,
          .correlation = 0,
          .target = stream_actor_number,
          .sender = {},
          .body = std::move(record)};
}

result<void> send(wire::link& over, wire::body record) {
  TROUPE_TRY(auto message, wire::encode(letter_with(std::move(record))));
  return over.send(std::move(message));
}

/// What one link brings.
class part_box final : public wire::link_handler {
public:
  part_box(std::weak_ptr<wire::link> link, wire::peer_role role) : link_(std::move(link)), role_(role) {}

  void on_message(wire::incoming_message message) override {
    auto letter = wire::decode(message);
    if (!letter) return refuse(std::move(letter).error());
    if (auto allowed = wire::check_permission(role_, *letter); !allowed) return refuse(std::move(allowed).error());
    auto* part = std::get_if<wire::stream_part>(&letter->body);
    if (!part) return refuse(error(errc::invalid_argument, "the server sends something else than its stream"));
    {
      const std::lock_guard lock(mutex_);
      if (parts_.size() < parts_max) {
        parts_.push_back(std::move(*part));
        part = nullptr;
      }
    }
    if (part) return refuse(error(errc::invalid_argument, "the server sends more than it may"));
    something_.notify_all();
  }

  void on_closed(const error& reason) override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = reason;
    }
    something_.notify_all();
  }

  /// The next part, nothing at the deadline, or why there will be none.
  result<std::optional<wire::stream_part>> take(time_point deadline) {
    std::unique_lock lock(mutex_);
    something_.wait_until(lock, deadline, [this] { return !parts_.empty() || closed_; });
    if (!parts_.empty()) {
      std::optional<wire::stream_part> first(std::move(parts_.front()));
      parts_.pop_front();
      return first;
    }
    if (closed_) return *closed_;
    return std::optional<wire::stream_part>();
  }

  /// What the server sent is no stream.
  bool refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

private:
  void refuse(error why) {
    {
      const std::lock_guard lock(mutex_);
      refused_ = true;
    }
    if (const auto link = link_.lock()) link->close(std::move(why));
  }

  std::weak_ptr<wire::link> link_;
  wire::peer_role role_;
  std::mutex mutex_;
  std::condition_variable something_;
  std::deque<wire::stream_part> parts_;
  std::optional<error> closed_;
  bool refused_ = false;
};

}  // namespace

struct token_stream::implementation {
  wire::address where;
  stream_request request;
  stream_client_options options;
  wire::node_id id;

  std::uint32_t next_index = 0, acknowledged = 0, prompt_tokens = 0, reconnects = 0;
  std::uint64_t fingerprint = 0;
  bool durable = false, was_connected = false;
  bool heard = false;  ///< a part has come: whoever answers serves this stream
  int farewells = 0;
  std::optional<stream_news> end;  ///< as it is given again and again

  std::chrono::milliseconds pause = pause_first;
  std::optional<time_point> lost_since;
  std::uint64_t random = 0;
  std::shared_ptr<part_box> box;

  std::mutex mutex;
  std::shared_ptr<wire::link> link;  ///< guarded by `mutex`, for `cancel`
  bool cancelled = false;            ///< guarded by `mutex`

  ~implementation() { drop_link(); }

  std::shared_ptr<wire::link> present_link() {
    const std::lock_guard lock(mutex);
    return link;
  }

  void drop_link() {
    std::shared_ptr<wire::link> gone;
    const std::lock_guard lock(mutex);
    gone.swap(link);
    if (gone) gone->close();
  }

  /// Connects and says where to go on.
  result<void> connect(time_point deadline) {
    TROUPE_TRY(const wire::tcp_options with, stream_link_options(where, options.name, options.state_directory));
    TROUPE_TRY(std::shared_ptr<wire::link> made,
               wire::connect_tcp(where.to_string(), with, std::min(deadline, steady_clock::now() + connect_time)));
    box = std::make_shared<part_box>(made, made->peer().proof.role);
    made->start(box);
    TROUPE_CHECK(send(*made, wire::open_stream{id, next_index, fingerprint, request}));
    acknowledged = next_index;
    if (was_connected) ++reconnects;
    was_connected = true;
    bool withdrawn = false;
    {
      const std::lock_guard lock(mutex);
      link = made;
      withdrawn = cancelled;
    }
    if (withdrawn) (void)send(*made, wire::stream_ack{id, next_index, true});
    return {};
  }

  /// Whether whoever answers does not serve this stream, and says so: this machine may not open any, or there are none.
  bool turned_away(const error& why) { return !heard && wire::is_farewell(why) && ++farewells >= farewells_max; }

  /// An error of connecting that another try will not change.
  static bool is_final(const error& why) {
    return why.code() != errc::unavailable && why.code() != errc::deadline_exceeded && why.code() != errc::cancelled;
  }

  /// Waits a little before the next try; an error when the server is gone for too long.
  result<void> lose(error why, time_point deadline) {
    drop_link();
    const auto now = steady_clock::now();
    if (!lost_since) lost_since = now;
    if (now - *lost_since >= options.patience) {
      lost_since.reset();  // whoever calls again is patient for as long again
      return std::move(why).while_doing("reading a stream from " + where.to_string());
    }
    // Cut at random, so that many clients do not knock together.
    const auto cut = std::chrono::milliseconds(next_random(random) % static_cast<std::uint64_t>(pause.count() / 2 + 1));
    const auto until = std::min(deadline, now + pause - cut);
    pause = std::min(2 * pause, pause_most);
    std::mutex nobody;
    std::condition_variable never;
    std::unique_lock lock(nobody);
    while (steady_clock::now() < until) never.wait_until(lock, until);
    return {};
  }

  /// What of a part is new; nothing when there is nothing.
  result<std::optional<stream_news>> accept(wire::stream_part part) {
    if (part.id != id) return fail(errc::invalid_argument, "the server sends a stream that nobody asked it for");
    const bool refused =
        part.finished == stream_finish::overloaded || (part.finished == stream_finish::failed && part.tokens.empty());
    // A server sends what follows what we have said that we have.
    if (part.first != next_index && !refused)
      return fail(errc::invalid_argument, "the server goes on with token {} where {} comes next", part.first,
                  next_index);
    heard = true;
    durable = part.durable;
    if (part.prompt_tokens > 0) prompt_tokens = part.prompt_tokens;
    next_index += static_cast<std::uint32_t>(part.tokens.size());
    if (part.fingerprint != 0) fingerprint = part.fingerprint;
    pause = pause_first;
    lost_since.reset();
    stream_news made{std::move(part.tokens), std::move(part.text), part.finished, {}, {}};
    made.retry_after = std::chrono::milliseconds(part.retry_after_ms);
    if (part.finished == stream_finish::failed) made.failure = std::move(part.failure);
    if (part.finished == stream_finish::overloaded)
      made.failure = fail(errc::unavailable, "the server has as many streams as it takes; try again in {} ms",
                          part.retry_after_ms);
    acknowledge(made.finished != stream_finish::none);
    if (made.finished != stream_finish::none) {
      end = stream_news{{}, {}, made.finished, made.failure, made.retry_after};
      drop_link();
    } else if (made.tokens.empty() && made.text.empty()) {
      return std::optional<stream_news>();
    }
    return std::optional<stream_news>(std::move(made));
  }

  /// Tells how far we are; that we have the end, too, frees the stream there.
  void acknowledge(bool ended) {
    if (!ended && next_index - acknowledged < tokens_per_ack) return;
    acknowledged = next_index;
    if (const auto over = present_link()) (void)send(*over, wire::stream_ack{id, next_index, ended});
  }
};

result<token_stream> token_stream::open(std::string address, stream_request request, stream_client_options options) {
  auto made = std::make_unique<implementation>();
  TROUPE_TRY(made->where, wire::parse_address(address));
  TROUPE_TRY(made->id, wire::make_node_id());
  made->random = made->id.low;
  TROUPE_CHECK(wire::encode(letter_with(wire::open_stream{made->id, 0, 0, request})));
  made->request = std::move(request);
  made->options = std::move(options);
  return token_stream(std::move(made));
}

token_stream::token_stream(std::unique_ptr<implementation> impl) : impl_(std::move(impl)) {}
token_stream::token_stream(token_stream&&) noexcept = default;
token_stream& token_stream::operator=(token_stream&&) noexcept = default;
token_stream::~token_stream() = default;

result<stream_news> token_stream::next(time_point deadline) {
  implementation& self = *impl_;
  while (!self.end) {
    if (!self.present_link()) {
      auto connected = self.connect(deadline);
      if (!connected) {
        if (self.is_final(connected.error()) || self.turned_away(connected.error()))
          return std::move(connected).error();
        TROUPE_CHECK(self.lose(std::move(connected).error(), deadline));
      }
    } else {
      auto part = self.box->take(deadline);
      if (!part) {
        if (self.box->refused()) return std::move(part).error();
        if (self.turned_away(part.error())) {
          self.drop_link();
          return std::move(part).error().while_doing("opening a stream at " + self.where.to_string());
        }
        TROUPE_CHECK(self.lose(std::move(part).error(), deadline));
      } else if (*part) {
        auto news = self.accept(std::move(**part));
        if (!news) {
          self.drop_link();
          return std::move(news).error();
        }
        if (*news) return std::move(**news);
      }
    }
    if (!self.end && steady_clock::now() >= deadline)
      return fail(errc::deadline_exceeded, "no token came from {} in time", self.where.to_string());
  }
  return *self.end;
}

void token_stream::cancel() {
  std::shared_ptr<wire::link> over;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->cancelled = true;
    over = impl_->link;
  }
  if (over) (void)send(*over, wire::stream_ack{impl_->id, 0, true});
}

std::uint32_t token_stream::received() const noexcept {
  return impl_->next_index;
}

std::uint32_t token_stream::prompt_tokens() const noexcept {
  return impl_->prompt_tokens;
}

std::uint32_t token_stream::reconnects() const noexcept {
  return impl_->reconnects;
}

bool token_stream::durable() const noexcept {
  return impl_->durable;
}

}  // namespace troupe
