// The seam between a link and what carries its bytes: a plain socket today, an encrypted one behind the same interface.
#pragma once

#include <cstddef>
#include <span>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Reliable bytes in both directions, without blocking. One thread may read while another writes; an implementation
/// that cannot do that locks.
class byte_stream {
public:
  virtual ~byte_stream() = default;
  /// To poll for readability and writability.
  virtual int descriptor() const noexcept = 0;
  /// How many bytes were read; 0 when none are there now. The end of the stream is an error, `unavailable`.
  virtual result<std::size_t> read(std::span<std::byte> into) = 0;
  /// How many bytes of the pieces, taken in a row, were accepted; 0 when none can be now.
  virtual result<std::size_t> write(std::span<const std::span<const std::byte>> pieces) = 0;
  /// Tells the peer that nothing more will be written.
  virtual void finish_writing() noexcept = 0;
};

}  // namespace troupe::wire
