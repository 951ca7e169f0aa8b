// The bytes of a connection after its greeting. The first byte of an input says how they arrive: as they are, or as a
// list of frames whose checksums are made right first, so that changes get past them.
#include <algorithm>
#include <cstring>

#include "fuzz_target.hpp"
#include "support/random_source.hpp"
#include "wire/frame_reader.hpp"
#include "wire/hello.hpp"

namespace troupe::test {
namespace {

using namespace wire;

constexpr std::byte as_it_is{0}, checksums_made_right{1};

class counting_sink final : public frame_reader::sink {
public:
  result<void> on_hello(std::span<const std::byte> payload) override {
    greeted = true;
    return decode_hello(payload) ? result<void>() : result<void>(error(errc::invalid_argument, "no greeting"));
  }
  result<void> on_goodbye(std::span<const std::byte> payload) override { return decode_goodbye(payload); }
  result<void> on_message(incoming_message message) override {
    fuzz_require(message.head.size > 0, "a message has no head");
    messages += 1;
    bytes += message.byte_size();
    return {};
  }
  bool greeted = false;
  std::size_t messages = 0, bytes = 0;
};

void append(std::vector<std::byte>& to, std::span<const std::byte> more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::vector<std::byte> framed(frame_header header, std::span<const std::byte> payload) {
  header.length = static_cast<std::uint32_t>(payload.size());
  header.payload_checksum = checksum(payload);
  const header_bytes head = encode_header(header);
  std::vector<std::byte> made(head.begin(), head.end());
  append(made, payload);
  return made;
}

std::vector<std::byte> greeting() {
  hello mine;
  mine.node = {node_id{1, 2}, "fuzz", ""};
  return framed({.type = frame_type::hello}, encode_hello(mine));
}

/// A prologue for a head of `head` bytes and attachments of these sizes, and as many bytes of them as are given.
std::vector<std::byte> message(std::uint32_t head, std::vector<std::uint64_t> sizes, std::size_t bytes) {
  std::vector<std::byte> made;
  const auto number = [&](std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) made.push_back(static_cast<std::byte>(value >> (8 * i)));
  };
  number(head, 4);
  number(sizes.size(), 4);
  for (const auto size : sizes) number(size, 8);
  made.resize(made.size() + bytes, std::byte{'x'});
  return made;
}

/// A list of frames: type, flags, lane, then the payload's length (u16) and the payload.
std::vector<std::byte> script(const std::vector<std::pair<frame_header, std::vector<std::byte>>>& frames) {
  std::vector<std::byte> made{checksums_made_right};
  for (const auto& [header, payload] : frames) {
    made.push_back(static_cast<std::byte>(header.type));
    made.push_back(static_cast<std::byte>(header.opens_message));
    made.push_back(static_cast<std::byte>(header.lane));
    made.push_back(static_cast<std::byte>(payload.size()));
    made.push_back(static_cast<std::byte>(payload.size() >> 8));
    append(made, payload);
  }
  return made;
}

/// What a script says, as it would arrive.
std::vector<std::byte> stream_of(std::span<const std::byte> input) {
  std::vector<std::byte> made = greeting();
  std::uint32_t sequence = 1;
  while (input.size() >= 5) {
    frame_header header;
    header.type = static_cast<frame_type>(input[0]);
    header.opens_message = (input[1] & std::byte{1}) != std::byte{0};
    header.lane = static_cast<lane>(input[2]);
    header.sequence = sequence++;
    const std::size_t length = std::to_integer<std::size_t>(input[3]) | std::to_integer<std::size_t>(input[4]) << 8;
    input = input.subspan(5);
    const auto payload = input.first(std::min(length, input.size()));
    append(made, framed(header, payload));
    input = input.subspan(payload.size());
  }
  return made;
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  const frame_header opens{.opens_message = true, .lane = lane::bulk}, goes_on{.lane = lane::bulk};
  const frame_header control{.opens_message = true};
  const std::vector<std::byte> more(100, std::byte{'y'});
  std::vector<fuzz_seed> seeds;
  seeds.push_back({"whole", script({{control, message(8, {}, 8)}, {opens, message(8, {4, 16}, 28)}})});
  seeds.push_back(
      {"in_pieces",
       script(
           {{opens, message(100, {100, 100}, 100)}, {control, message(8, {}, 8)}, {goes_on, more}, {goes_on, more}})});
  seeds.push_back({"heartbeat", script({{{.type = frame_type::heartbeat}, std::vector<std::byte>(8)}})});
  seeds.push_back(
      {"goodbye", script({{{.type = frame_type::goodbye}, encode_goodbye(error(errc::cancelled, "bye"))}})});
  seeds.push_back({"greets_twice", script({{{.type = frame_type::hello}, {}}})});
  seeds.push_back({"gigabytes_promised", script({{opens, message(8, {1u << 30, 1u << 30}, 8)}})});
  seeds.push_back({"sizes_overflow", script({{opens, message(8, {~0ull, ~0ull, 2}, 8)}})});
  seeds.push_back({"attachments_without_end", script({{opens, message(8, std::vector<std::uint64_t>(8000, 1), 8)}})});
  seeds.push_back({"goes_on_with_nothing", script({{goes_on, more}})});
  seeds.push_back({"opens_twice", script({{opens, message(100, {}, 8)}, {opens, message(100, {}, 8)}})});
  std::vector<std::byte> raw{as_it_is};
  append(raw, greeting());
  append(raw, framed({.opens_message = true, .sequence = 1}, message(8, {}, 8)));
  seeds.push_back({"raw", raw});
  // 32 bytes that promise 4 GiB, which was enough to exhaust the host of another protocol.
  seeds.push_back({"all_ones", std::vector<std::byte>(33, std::byte{0xff})});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  if (input.empty()) return false;
  const bool right = (input[0] & std::byte{1}) == checksums_made_right;
  const std::vector<std::byte> stream =
      right ? stream_of(input.subspan(1)) : std::vector<std::byte>(input.begin() + 1, input.end());
  // Pieces of every size, as they follow from the input.
  random_source random(input.size());
  frame_reader reader;
  counting_sink target;
  std::size_t at = 0;
  while (at < stream.size()) {
    auto space = reader.space();
    if (space.empty()) return false;
    const std::size_t count =
        std::min({space.size(), stream.size() - at, std::size_t{1} + static_cast<std::size_t>(random.below(300))});
    std::memcpy(space.data(), stream.data() + at, count);
    at += count;
    if (!reader.received(count, target)) return false;
    if (target.greeted) {
      target.greeted = false;
      reader.finish_greeting();
      if (!reader.received(0, target)) return false;
    }
  }
  fuzz_require(target.bytes <= stream.size(), "more bytes were delivered than arrived");
  return target.messages > 0;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  // Buffers grow only as bytes arrive; headers are made here, one for every five bytes of a script at worst.
  return 64 * input_bytes + 131'072;
}

}  // namespace troupe::test
