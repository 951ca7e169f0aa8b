// Helpers of the tests of frames: whole streams of bytes in memory.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "support/transport.hpp"
#include "wire/frame_reader.hpp"
#include "wire/outbox.hpp"

namespace troupe::test {

/// Takes at most `count` bytes out of an outbox, at most `per_call` at a time.
inline std::vector<std::byte> drain(wire::outbox& out, std::size_t count = SIZE_MAX, std::size_t per_call = SIZE_MAX) {
  std::vector<std::byte> all;
  while (!out.empty() && all.size() < count) {
    std::size_t taken = 0;
    for (const auto piece : out.next()) {
      const std::size_t part = std::min({piece.size(), count - all.size(), per_call - taken});
      all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(part));
      taken += part;
      if (part < piece.size()) break;
    }
    out.sent(taken);
  }
  return all;
}

/// Collects what a reader delivers.
class collector : public wire::frame_reader::sink {
public:
  result<void> on_hello(std::span<const std::byte>) override {
    ++hellos;
    return {};
  }
  result<void> on_goodbye(std::span<const std::byte>) override {
    ++goodbyes;
    return {};
  }
  result<void> on_message(wire::incoming_message message) override {
    messages.push_back(std::move(message));
    return {};
  }

  int hellos = 0;
  int goodbyes = 0;
  std::vector<wire::incoming_message> messages;
};

/// A reader that has been greeted already.
struct open_reader {
  open_reader() { reader.finish_greeting(); }

  /// Feeds bytes in chunks of at most `chunk`.
  result<void> feed(std::span<const std::byte> bytes, std::size_t chunk = SIZE_MAX) {
    while (!bytes.empty()) {
      const auto space = reader.space();
      const std::size_t count = std::min({space.size(), bytes.size(), chunk});
      std::copy_n(bytes.begin(), count, space.begin());
      TROUPE_CHECK(reader.received(count, seen));
      bytes = bytes.subspan(count);
    }
    return {};
  }

  wire::frame_reader reader;
  collector seen;
};

}  // namespace troupe::test
