// Two ends of a link inside one process: for several nodes in one program, and for tests.
#pragma once

#include <memory>
#include <utility>

#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// Two links that are each other's peer. Lanes, limits and callbacks are those of a TCP link; each end delivers from a
/// thread of its own, and attachments are shared instead of copied when they are aligned to 64 bytes.
std::pair<std::unique_ptr<link>, std::unique_ptr<link>> make_in_process_links(node_identity first,
                                                                              node_identity second);

}  // namespace troupe::wire
