// What supervisors report, as values: the tree of actors now, and events as they happen.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// One actor, or one supervisor with its children, at the moment of asking.
struct tree_node {
  std::string name;            ///< unique among its siblings
  std::string kind;            ///< "supervisor", "coordinator", "aggregator", "shard", "node", ...
  std::string state;           ///< "running", "restarting", "loading", "not answering", ...
  std::string detail;          ///< for people: the device, the part, the address; may be empty
  std::uint32_t restarts = 0;  ///< since the parent supervisor started
  std::vector<tree_node> children;
};

enum class supervision_event_kind : std::uint8_t {
  child_started,    ///< first start
  child_down,       ///< ended, on purpose or not
  child_restarted,  ///< started again by its supervisor
  child_abandoned,  ///< would not end; its thread is given up
  escalated,        ///< more restarts than the limit: the supervisor ends and its parent decides
  placed,           ///< a part of a model was placed on a node
  node_lost,        ///< a link to another node broke
};
std::string_view to_string(supervision_event_kind kind) noexcept;

struct supervision_event {
  std::chrono::steady_clock::time_point when;
  supervision_event_kind kind = supervision_event_kind::child_started;
  std::string supervisor;  ///< path from the root, "/"-separated
  std::string child;
  std::uint64_t incarnation = 0;  ///< counts the starts of this child
  std::string reason;             ///< why it went down, in words; may be empty
};

}  // namespace troupe
