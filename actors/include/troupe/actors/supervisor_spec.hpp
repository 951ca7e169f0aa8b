// What a supervisor does about its children, as data: checked by `validate` before anything starts. The parts that the
// decision logic needs (`child_policy`, `supervisor_policy`) hold no runtime type; how to start a child is the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/actors/constants.hpp"
#include "troupe/engine/result.hpp"

namespace caf {
class actor;
class event_based_actor;
}  // namespace caf

namespace troupe {

/// When a child that went down by itself is started again. A child is down normally when it quits without an error,
/// with `normal` or with `user_shutdown`.
enum class restart_kind : std::uint8_t {
  permanent,  ///< always
  transient,  ///< unless it went down normally: its work is done
  temporary,  ///< never; it also leaves the supervisor's list
};

/// Who is restarted together with a child that went down.
enum class restart_strategy : std::uint8_t {
  one_for_one,   ///< nobody: children do not depend on one another
  one_for_all,   ///< everybody: children keep shared state that is only valid while all live
  rest_for_one,  ///< those started after it: later children depend on earlier ones
};

enum class child_kind : std::uint8_t {
  worker,
  supervisor,  ///< made by `spawn_supervisor`: it is up when its own children are, and a snapshot goes on below it
};

std::string_view to_string(restart_kind kind) noexcept;
std::string_view to_string(restart_strategy strategy) noexcept;
std::string_view to_string(child_kind kind) noexcept;

/// Proof of life through the child's own mailbox. Any answer counts, also an error; a child that skips messages it does
/// not know must handle `liveness_probe`.
struct probe_policy {
  milliseconds interval = constants::timing_default.probe_interval;  ///< from an answer to the next probe
  milliseconds hung = constants::timing_default.actor_hung;  ///< from an answer to the verdict; above `interval`

  friend bool operator==(const probe_policy&, const probe_policy&) = default;
};

/// The part of a child's specification that decisions depend on.
struct child_policy {
  std::string id{};  ///< unique within the supervisor, not empty
  restart_kind restart = restart_kind::permanent;
  /// Time between the request to stop and the kill. 0: killed at once, without a request.
  milliseconds shutdown = constants::child_shutdown;
  /// Time between the kill and giving up on a child whose thread does not return from a handler. Such a child is
  /// abandoned: forgotten, counted and reported. Whatever it still sends must be fenced off by its receivers.
  milliseconds kill_timeout = constants::child_kill_timeout;
  child_kind kind = child_kind::worker;
  std::optional<probe_policy> probe{};  ///< none: not probed

  friend bool operator==(const child_policy&, const child_policy&) = default;
};

/// Spawns the child and returns its handle. Called on the supervisor's own thread at every start: it must not block. It
/// may throw or return an empty handle, which counts as a crash. `parent` is the supervisor, never null; spawn through
/// it (`parent->spawn(...)`), but keep no pointer to it.
using child_start = std::function<caf::actor(caf::event_based_actor* parent)>;

struct child_spec : child_policy {
  child_start start{};
};

/// The part of a supervisor's specification that decisions depend on.
struct supervisor_policy {
  std::string name{};
  restart_strategy strategy = restart_strategy::one_for_one;
  /// More restarts than this within `window` and the supervisor stops its children, then itself, with an error; 0: the
  /// first crash does.
  std::size_t restarts_max = constants::intensity_worker.restarts_max;
  milliseconds window = constants::intensity_worker.window;
  /// Pause before the first restart within the window; doubled with each further one up to `backoff_max`.
  milliseconds backoff_initial = constants::backoff_initial;
  milliseconds backoff_max = constants::backoff_max;

  friend bool operator==(const supervisor_policy&, const supervisor_policy&) = default;
};

/// Children start in the order of the list and stop in its reverse.
struct supervisor_spec : supervisor_policy {
  std::vector<child_spec> children{};
};

/// Success, or `invalid_argument` with a sentence that names the child, the field and the offending value.
result<void> validate(const child_spec& child);
result<void> validate(const supervisor_spec& spec);

/// The longest time that a supervisor made from `spec` may need to stop: what its own entry in its parent should allow.
milliseconds time_to_stop(const supervisor_spec& spec) noexcept;

}  // namespace troupe
