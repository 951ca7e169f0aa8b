// Another `troupe node` process on this machine, under the samples' name.
#pragma once

#include "troupe/chaos/node_process.hpp"

namespace troupe::sample {

using chaos::node_process;

}  // namespace troupe::sample
