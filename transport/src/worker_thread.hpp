// Threads of this module: they take no signals of the host program.
#pragma once

#include <functional>
#include <thread>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Runs `body` on a thread that debuggers show as `name` (at most 15 characters).
result<std::thread> start_thread(const char* name, std::function<void()> body);

}  // namespace troupe::wire
