// Moves bytes between a stream and a handshake.
#pragma once

#include "tcp/byte_stream.hpp"
#include "wire/handshake.hpp"

namespace troupe::wire {

/// Opens the stream, then reads what is there and writes what waits, without blocking; true when the handshake is done.
/// When it fails, its last words are sent first, so that the peer can say why as well.
result<bool> advance(byte_stream& stream, handshake& greeting);

/// What to poll for before `advance` is called again.
short awaited_events(const byte_stream& stream, const handshake& greeting);

/// Writes until the outbox is empty or the stream takes no more.
result<void> flush(byte_stream& stream, outbox& out);

}  // namespace troupe::wire
