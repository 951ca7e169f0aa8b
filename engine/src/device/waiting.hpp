// The two ways in which a caller's patience ends, asked between steps of work.
#pragma once

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// What loading may take in all: uploading weights and compiling every pipeline of a large network on a slow machine.
inline constexpr std::chrono::minutes load_limit{10};

/// An error when the request was withdrawn or its time is over.
inline result<void> still_wanted(time_point deadline, const cancellation& cancel) {
  if (cancel.cancelled()) return fail(errc::cancelled, "the caller withdrew the request");
  if (steady_clock::now() >= deadline)
    return fail(errc::deadline_exceeded, "the run does not finish before its deadline; allow more time");
  return {};
}

}  // namespace troupe
