// The thread of a server of streams: takes what links bring, makes steps, and sends what they give.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>

#include "inbox_budget.hpp"
#include "stream_table.hpp"
#include "troupe/stream_server.hpp"
#include "troupe/transport/link.hpp"

namespace troupe {

/// Who takes records of streams at both ends of a link.
inline constexpr std::uint64_t stream_actor_number = 2;

/// Drives a `stream_table` and a generator. Links may be added from any thread.
class stream_service : public std::enable_shared_from_this<stream_service> {
public:
  /// `begun`: what is known already.
  stream_service(served_model model, stream_table table, const stream_server_options& options,
                 stream_server_stats begun)
      : model_(std::move(model)), table_(std::move(table)), options_(options), stats_(std::move(begun)) {}
  stream_service(const stream_service&) = delete;
  stream_service& operator=(const stream_service&) = delete;
  ~stream_service() { stop(); }

  void start();
  /// Waits for the thread; closes all links. Idempotent.
  void stop();
  /// Starts the link.
  void add_link(std::unique_ptr<wire::link> joined);

  stream_server_stats stats() const;

private:
  class client_handler;
  struct joined {
    std::shared_ptr<wire::link> link;
  };
  struct gone {};
  struct event {
    client_id from;
    std::variant<joined, wire::open_stream, wire::stream_ack, gone> what;
  };
  struct client {
    std::shared_ptr<wire::link> link;
    wire::key_hash key;
  };

  /// `bytes`: as the record came. False when too much waits.
  bool post(event what, std::size_t bytes);
  void run();
  void take_events(bool may_wait);
  void take(event what);
  void change_sessions();
  void make_step();
  void send_letters();
  /// Closes the links, those that wait to be taken too.
  void hang_up();

  served_model model_;
  stream_table table_;
  const stream_server_options options_;
  std::map<client_id, client> clients_;
  std::map<session_id, stream_number> streams_of_;
  std::map<stream_number, session_id> sessions_of_;
  std::optional<time_point> failing_since_;
  cancellation stopping_;

  mutable std::mutex mutex_;
  std::condition_variable something_;
  std::deque<event> inbox_;    ///< guarded by `mutex_`
  inbox_budget budget_;        ///< of `inbox_`; guarded by `mutex_`
  client_id last_client_ = 0;  ///< guarded by `mutex_`
  stream_server_stats stats_;  ///< guarded by `mutex_`
  std::thread thread_;
};

}  // namespace troupe
