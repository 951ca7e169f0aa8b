// Threads of this module: they take no signals of the host program.
#pragma once

#include <functional>
#include <thread>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Runs `body` on a thread that debuggers show as `name` (at most 15 characters). `body` begins after the thread has
/// been stored in `into`, so it may well destroy the object that `into` is a member of.
result<void> start_thread(const char* name, std::thread& into, std::function<void()> body);

}  // namespace troupe::wire
