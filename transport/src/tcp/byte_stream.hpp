// The seam between a link and what carries its bytes: a plain socket, or TLS over one.
#pragma once

#include <cstddef>
#include <span>

#include "troupe/engine/result.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// Reliable bytes in both directions, without blocking. One thread may read while another writes; an implementation
/// that cannot do that locks.
class byte_stream {
public:
  virtual ~byte_stream() = default;
  /// To poll for readability and writability.
  virtual int descriptor() const noexcept = 0;
  /// Goes on with what comes before the first byte: the handshake of TLS. True when that is done; until then nothing
  /// else may be called but `descriptor` and `opening_events`. Fails when the other side is not one to talk to.
  virtual result<bool> open() { return true; }
  /// What to poll for before `open` is called again; 0 once it is open.
  virtual short opening_events() const noexcept { return 0; }
  /// Who is on the other side, once it is open.
  virtual peer_proof peer() const = 0;
  /// An error when the other side is not trusted any more as it was when it came.
  virtual result<void> check_trust() { return {}; }
  /// How many bytes were read; 0 when none are there now. The end of the stream is an error, `unavailable`.
  virtual result<std::size_t> read(std::span<std::byte> into) = 0;
  /// True when there may be bytes to read that polling does not tell of. For the reading thread.
  virtual bool holds_bytes() const noexcept { return false; }
  /// How many bytes of the pieces, taken in a row, were accepted; 0 when none can be now. Then the same bytes come
  /// again, or none at all.
  virtual result<std::size_t> write(std::span<const std::span<const std::byte>> pieces) = 0;
  /// Tells the peer that nothing more will be written.
  virtual void finish_writing() noexcept = 0;
};

}  // namespace troupe::wire
