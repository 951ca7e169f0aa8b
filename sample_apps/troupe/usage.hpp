// What the process has used so far.
#pragma once

#include <cstdint>

namespace troupe::app {

/// Of all threads, in user and system mode.
double cpu_seconds();

/// The most memory that was resident at once, in bytes; 0 where the system does not say.
std::uint64_t peak_memory();

}  // namespace troupe::app
