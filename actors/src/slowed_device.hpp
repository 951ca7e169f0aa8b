// Fault injection: a device that takes longer than it needs (fault S1, a slow node).
#pragma once

#include <memory>

#include "troupe/engine/device.hpp"

namespace troupe {

/// Every run of a program takes `factor` times as long as on `fast`; at least 1. Its name says so.
std::shared_ptr<device> slowed(std::shared_ptr<device> fast, double factor);

}  // namespace troupe
