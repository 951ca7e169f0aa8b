// The actor that starts, watches, restarts and stops other actors as a `supervisor_spec` says. docs/supervision.md
// tells the whole story; supervisor_messages.hpp is what one can say to it.
#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "troupe/actors/supervision_event.hpp"
#include "troupe/actors/supervisor_spec.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// Checks `spec`, then spawns a supervisor that starts the children before it answers anything. The root of a tree: it
/// lives as long as somebody holds the handle. It stops, children first, in reverse order, when it is sent an exit
/// message (`caf::anon_send_exit(root, caf::exit_reason::user_shutdown)`), and then ends with that message's reason. If
/// it dies in any other way, its children are killed.
/// Thread rules of CAF apply: a host thread that calls this clears the thread's logger afterwards (`host_scope`).
result<caf::actor> spawn_supervisor(caf::actor_system& system, supervisor_spec spec,
                                    supervision_observer observer = {});

/// The same below `parent`, whose end, whatever the reason, also stops the supervisor. For a start function:
/// `[=](caf::event_based_actor* parent) { return spawn_supervisor(*parent, spec, observer).value(); }`, which is what
/// `supervised` makes.
result<caf::actor> spawn_supervisor(caf::event_based_actor& parent, supervisor_spec spec,
                                    supervision_observer observer = {});

/// A supervisor as a child of another: its id is its name, and it gets the time to stop that its own children may need.
/// An invalid `spec` counts as a failed start each time, with the error as the reason.
child_spec supervised(supervisor_spec spec, supervision_observer observer = {});

}  // namespace troupe
