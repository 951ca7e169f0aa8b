#include "tcp/handshake_io.hpp"

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
  while (!greeting.heard()) {
    TROUPE_TRY(const std::size_t count, stream.read(greeting.space()));
    if (count == 0) break;
    if (auto heard = greeting.received(count); !heard) {
      static_cast<void>(flush(stream, greeting.output()));
      return std::move(heard).error();
    }
  }
  TROUPE_CHECK(flush(stream, greeting.output()));
  return greeting.done();
}

}  // namespace troupe::wire
