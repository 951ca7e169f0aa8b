// What one can say to a supervisor, and what it says. Every request is answered, with a `caf::error` of ours on
// failure; as anywhere, send requests with a finite timeout. All of it stays within the process.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "troupe/actors/message_fields.hpp"
#include "troupe/actors/supervisor_spec.hpp"

namespace troupe {

// ---- requests about children ----

/// -> caf::actor: the running child. `unavailable` while it is down, `invalid_argument` when there is none of this id.
/// After the child's end ask again: its successor is another actor.
struct whereis {
  std::string id{};
};
TROUPE_MESSAGE_FIELDS(whereis, x.id)

/// -> caf::actor: adds a child at the end of the list and starts it. When the start fails it is not kept.
struct start_child {
  std::shared_ptr<const child_spec> spec{};
};
TROUPE_MESSAGE_FIELDS(start_child)

/// -> nothing: stops a child for good, as in a shutdown; answered when it is down or abandoned. A temporary child
/// leaves the list, others can be started again or deleted.
struct terminate_child {
  std::string id{};
};
TROUPE_MESSAGE_FIELDS(terminate_child, x.id)

/// -> caf::actor: starts a child that was terminated or has done its work.
struct restart_child {
  std::string id{};
};
TROUPE_MESSAGE_FIELDS(restart_child, x.id)

/// -> nothing: drops a child that is down for good.
struct delete_child {
  std::string id{};
};
TROUPE_MESSAGE_FIELDS(delete_child, x.id)

/// -> nothing, when the first start of all is over: each child was tried once, or one failed that others come after.
/// A supervisor asks it of those below it before it starts the next child.
struct await_children {};
TROUPE_MESSAGE_FIELDS(await_children)

// ---- the tree ----

/// -> tree_snapshot, within `deadline_ms`: of this supervisor and `depth` levels below its children.
struct describe_tree {
  std::uint32_t deadline_ms = 1000;
  std::uint32_t depth = constants::tree_depth_max;
};
TROUPE_MESSAGE_FIELDS(describe_tree, x.deadline_ms, x.depth)

/// One actor of the tree, as its supervisor sees it, and what is below it.
struct tree_snapshot {
  std::string name{};
  child_kind kind = child_kind::worker;
  /// A child: down, starting, up, stopping, killing, waiting (for its restart), or "not answering": a supervisor that
  /// did not describe what is below it in time. The top of the snapshot: running, stopping.
  std::string state{};
  std::uint64_t restarts = 0;     ///< since it was added; of the top of the snapshot: of all its children
  std::uint64_t incarnation = 0;  ///< 0: never started
  std::uint64_t abandoned = 0;    ///< threads lost to incarnations that could not be killed
  std::vector<tree_snapshot> children{};

  friend bool operator==(const tree_snapshot&, const tree_snapshot&) = default;
};
TROUPE_MESSAGE_FIELDS(tree_snapshot, x.name, x.kind, x.state, x.restarts, x.incarnation, x.abandoned, x.children)

// ---- watching ----

/// -> nothing: `watcher` is told of every child that is up now, then of every change, in order. Once is enough; a
/// watcher that ends is dropped.
struct watch_children {
  caf::actor watcher{};
};
TROUPE_MESSAGE_FIELDS(watch_children, x.watcher)

/// -> nothing.
struct unwatch_children {
  caf::actor watcher{};
};
TROUPE_MESSAGE_FIELDS(unwatch_children, x.watcher)

/// To watchers: the child runs, as this actor. Numbers of incarnations of one supervisor only grow.
struct child_up {
  std::string supervisor{};
  std::string id{};
  std::uint64_t incarnation = 0;
  caf::actor actor{};
};
TROUPE_MESSAGE_FIELDS(child_up, x.supervisor, x.id, x.incarnation, x.actor)

/// To watchers: this incarnation is gone, or abandoned: nothing it still says counts.
struct child_down {
  std::string supervisor{};
  std::string id{};
  std::uint64_t incarnation = 0;
  std::string reason{};
};
TROUPE_MESSAGE_FIELDS(child_down, x.supervisor, x.id, x.incarnation, x.reason)

/// To watchers: too many restarts, the supervisor stops its children and ends.
struct supervisor_escalated {
  std::string supervisor{};
  std::string reason{};
};
TROUPE_MESSAGE_FIELDS(supervisor_escalated, x.supervisor, x.reason)

// ---- between a supervisor and its children, or itself ----

/// "Are you there?" -> anything at all.
struct liveness_probe {};
TROUPE_MESSAGE_FIELDS(liveness_probe)

/// A supervisor's timer, to itself.
struct supervisor_timer {
  std::uint64_t number = 0;
};
TROUPE_MESSAGE_FIELDS(supervisor_timer, x.number)

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::start_child)
