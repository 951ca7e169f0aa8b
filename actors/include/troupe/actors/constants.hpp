// Every deadline, interval and budget of the actor layer, with what it protects from. docs/supervision.md repeats the
// table for readers; durations carry their unit in the type, plain numbers in the name.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace troupe {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long silence may last before it counts as death. A link is judged by bytes received, an actor by answers out of
/// its own mailbox: a process whose threads all loop still answers heartbeats.
struct timing_profile {
  std::string_view name;
  milliseconds heartbeat_interval;  ///< between two heartbeats on an idle control connection
  milliseconds link_dead;           ///< no byte for this long: the link is lost
  milliseconds probe_interval;      ///< between an actor's answer and the next probe of it
  milliseconds actor_hung;          ///< no answer for this long: the actor is hung

  friend bool operator==(const timing_profile&, const timing_profile&) = default;
};

namespace constants {

using namespace std::chrono_literals;

/// Loopback and wired networks of our own.
inline constexpr timing_profile timing_fast{"fast", 200ms, 1s, 250ms, 1s};
/// Wired networks with other traffic.
inline constexpr timing_profile timing_default{"default", 500ms, 2s, 500ms, 2s};
/// Wireless networks: roaming and power saving lose seconds.
inline constexpr timing_profile timing_wifi{"wifi", 1s, 5s, 1s, 4s};
inline constexpr std::array timing_profiles{timing_fast, timing_default, timing_wifi};

/// A request without a deadline of its own gets this one; no request is without one.
inline constexpr seconds request_deadline = 120s;
/// A (stage, step) is late after `step_deadline_factor` x the 99th percentile of the last `step_samples` steps, and
/// never before `step_deadline_floor`.
inline constexpr milliseconds step_deadline_floor = 1s;
inline constexpr int step_deadline_factor = 8;
inline constexpr std::size_t step_samples = 64;

/// Predicted length of one GPU submission: well under the shortest reset time of any driver (2 s on Windows).
inline constexpr milliseconds gpu_slice_max = 100ms;
/// A fence is hung after `fence_hung_factor` x the 99th percentile, and never before `fence_hung_floor`. It is waited
/// for in slices, so that a stop request is heard.
inline constexpr milliseconds fence_hung_floor = 1500ms;
inline constexpr int fence_hung_factor = 10;
inline constexpr milliseconds fence_poll = 50ms;

/// How many restarts a supervisor grants within a sliding window before it gives up. Limits multiply through levels, so
/// they are small at the top: 45 worker crashes in bad succession end the root.
struct restart_intensity {
  std::size_t restarts_max;
  milliseconds window;
};
inline constexpr restart_intensity intensity_worker{5, 30s};
inline constexpr restart_intensity intensity_node{3, 60s};
inline constexpr restart_intensity intensity_root{3, 300s};

/// Largest `restarts_max`: the times of that many restarts are remembered.
inline constexpr std::size_t restarts_max_limit = 1000;

/// First pause before a restart, doubled with each further restart in the window up to the maximum. The first restart
/// of a crashed actor should not be felt, a crash loop should not burn a core.
inline constexpr milliseconds backoff_initial = 10ms;
inline constexpr milliseconds backoff_max = 2s;

/// A child that is asked to stop has this long to drain its mailbox, then it is killed; a killed child whose thread is
/// stuck in a handler is abandoned after the second time. Both together stay below the 5 s of a node's shutdown.
inline constexpr milliseconds child_shutdown = 1s;
inline constexpr milliseconds child_kill_timeout = 500ms;
/// A supervisor has this long to try each of its children once, before those after it start. Start functions do not
/// block, so only a hung one needs it.
inline constexpr milliseconds supervisor_start = 10s;
/// Actors that wait for the first start of one supervisor to be over.
inline constexpr std::size_t start_waiters_max = 16;
/// A node that lost this many threads to abandoned children should be replaced by a new process.
inline constexpr std::size_t abandoned_max = 2;
/// Stopping a whole node, in reverse start order, brutal at the end.
inline constexpr seconds node_shutdown = 5s;

/// Recoveries of one request before it ends with a typed error.
inline constexpr std::size_t recoveries_max = 3;
inline constexpr seconds recovery_budget = 30s;

/// Largest frame, and bytes in flight under credits: per link and per process.
inline constexpr std::size_t frame_bytes_max = std::size_t{256} << 10;
inline constexpr std::size_t link_in_flight_bytes_max = std::size_t{8} << 20;
inline constexpr std::size_t process_in_flight_bytes_max = std::size_t{64} << 20;

/// A device that is lost this often within the window leaves the pool until it passes its self-test.
inline constexpr std::size_t quarantine_losses = 2;
inline constexpr std::chrono::minutes quarantine_window = 10min;

/// Children of one supervisor: far more than shards and devices of one node, few enough to list in one message.
inline constexpr std::size_t children_max = 1024;
/// Bytes of a child's or supervisor's name.
inline constexpr std::size_t child_name_bytes_max = 128;
/// Longest time that a specification may ask for anywhere, so that sums of times cannot overflow.
inline constexpr std::chrono::hours spec_time_max = 24h;
/// Actors that watch one supervisor.
inline constexpr std::size_t watchers_max = 64;
/// Requests for the tree that one supervisor serves at the same time.
inline constexpr std::size_t tree_requests_max = 16;
/// Levels of supervisors below one another that a snapshot of the tree shows.
inline constexpr std::size_t tree_depth_max = 16;

}  // namespace constants
}  // namespace troupe
