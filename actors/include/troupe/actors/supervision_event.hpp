// What a supervisor tells the host program about its children: plain values for logs, metrics and tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "troupe/engine/deadline.hpp"

namespace troupe {

enum class supervision_event_kind : std::uint8_t {
  child_up,         ///< started
  child_down,       ///< went down, by itself or on request
  start_failed,     ///< its start function threw or returned nothing
  restarting,       ///< a restart was granted and begins with stopping those restarted with it
  child_hung,       ///< it did not answer a probe in time and is killed
  child_killed,     ///< it did not stop in time, or is never asked to
  child_abandoned,  ///< it could not even be killed: its thread is lost
  escalated,        ///< too many restarts: the supervisor stops its children, then itself, with an error
  stopped,          ///< the supervisor has no children left and ends
};

std::string_view to_string(supervision_event_kind kind) noexcept;

struct supervision_event {
  supervision_event_kind kind = supervision_event_kind::child_up;
  time_point time{};              ///< of the runtime's clock: steady, or virtual in a simulation
  std::string supervisor{};       ///< its name
  std::string child{};            ///< its id; empty when the event is about the supervisor itself
  std::uint64_t incarnation = 0;  ///< which start of the child; numbers of one supervisor only grow. 0: none
  std::size_t restarts = 0;       ///< restarts of this supervisor within its window
  std::string reason{};           ///< why, in words; may be empty

  friend bool operator==(const supervision_event&, const supervision_event&) = default;
};

/// Called on actor threads, one supervisor's events in order, different supervisors' at the same time: it must be
/// quick and safe to call from any thread. What it throws is dropped. It lives as long as any supervisor it was given
/// to.
using supervision_observer = std::function<void(const supervision_event&)>;

}  // namespace troupe
