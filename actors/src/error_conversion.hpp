// Between Troupe's errors and CAF's, in the one place where both are known.
#pragma once

#include <caf/error.hpp>

#include "troupe/engine/error.hpp"

namespace troupe {

/// Keeps code and text; the trail becomes part of the text.
caf::error to_caf(const error& failure);

/// The inverse; CAF's own errors become the kind that tells the receiver what to do: a vanished actor or link is
/// `unavailable`, an unanswered request `deadline_exceeded`, anything else `internal`.
error from_caf(const caf::error& failure);

}  // namespace troupe
