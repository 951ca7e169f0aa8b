// The link object over a byte stream: owns the link's thread.
#pragma once

#include <memory>

#include "tcp/byte_stream.hpp"
#include "troupe/transport/link.hpp"
#include "wire/handshake.hpp"

namespace troupe::wire {

/// A link that waits for `start`. `guest` is kept until the link is over; it may be empty.
result<std::unique_ptr<link>> make_stream_link(std::unique_ptr<byte_stream> stream, greeted_connection connection,
                                               std::shared_ptr<void> guest = {});

}  // namespace troupe::wire
