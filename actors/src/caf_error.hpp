// Our errors as CAF's and back: code, sentence and trail survive the trip between actors of one process.
#pragma once

#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <string>

#include "troupe/engine/error.hpp"

namespace troupe {

/// The category of our errors among CAF's.
inline constexpr caf::atom_value error_category = caf::atom("troupe");

caf::error to_caf(const error& failure);

/// Ours unchanged; CAF's own become the kind that says what can be done: a timeout is `deadline_exceeded`, a receiver
/// that is gone is `unavailable`, anything else is `internal`.
error from_caf(const caf::error& failure);

/// One line for logs and events. "" for no error and for a normal end.
std::string describe(const caf::error& failure);

/// True when an actor with this exit reason ended as it should: no error, `normal` or `user_shutdown`.
bool is_normal_end(const caf::error& reason);

}  // namespace troupe
