#include "troupe/actors/supervision_event.hpp"

namespace troupe {

std::string_view to_string(supervision_event_kind kind) noexcept {
  switch (kind) {
    case supervision_event_kind::child_up: return "child_up";
    case supervision_event_kind::child_down: return "child_down";
    case supervision_event_kind::start_failed: return "start_failed";
    case supervision_event_kind::restarting: return "restarting";
    case supervision_event_kind::child_hung: return "child_hung";
    case supervision_event_kind::child_killed: return "child_killed";
    case supervision_event_kind::child_abandoned: return "child_abandoned";
    case supervision_event_kind::escalated: return "escalated";
    case supervision_event_kind::stopped: return "stopped";
  }
  return "unknown";
}

}  // namespace troupe
