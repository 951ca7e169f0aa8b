#include "tcp/handshake_io.hpp"

#include <poll.h>

namespace troupe::wire {

result<void> flush(byte_stream& stream, outbox& out) {
  while (!out.empty()) {
    TROUPE_TRY(const std::size_t count, stream.write(out.next()));
    if (count == 0) break;
    out.sent(count);
  }
  return {};
}

result<bool> advance(byte_stream& stream, handshake& greeting) {
  TROUPE_TRY(const bool is_open, stream.open());
  if (!is_open) return false;
  while (!greeting.heard()) {
    TROUPE_TRY(const std::size_t count, stream.read(greeting.space()));
    if (count == 0) break;
    if (auto heard = greeting.received(count); !heard) {
      static_cast<void>(flush(stream, greeting.output()));
      return std::move(heard).error();
    }
  }
  if (auto written = flush(stream, greeting.output()); !written) {
    // What the peer said last tells more than a broken pipe.
    if (!greeting.heard()) TROUPE_CHECK(stream.read(greeting.space()));
    return std::move(written).error();
  }
  return greeting.done();
}

short awaited_events(const byte_stream& stream, const handshake& greeting) {
  if (const short opening = stream.opening_events()) return opening;
  return static_cast<short>(POLLIN | (greeting.output().empty() ? 0 : POLLOUT));
}

}  // namespace troupe::wire
