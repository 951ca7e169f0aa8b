// What anybody may send before he is known: greetings of links, announcements, pairing. The first byte of an input
// chooses which.
#include <cstring>

#include "discovery/beacon.hpp"
#include "fuzz_target.hpp"
#include "pairing/pairing_message.hpp"
#include "wire/handshake.hpp"

namespace troupe::test {
namespace {

using namespace wire;

enum class kind : std::uint8_t { connecting, accepting, greeting, farewell, beacon, pairing, proof, count };

fuzz_seed seed(std::string name, kind which, std::span<const std::byte> bytes) {
  fuzz_seed made{std::move(name), {static_cast<std::byte>(which)}, {}};
  made.bytes.insert(made.bytes.end(), bytes.begin(), bytes.end());
  return made;
}

hello my_greeting() {
  hello mine;
  mine.node = {node_id{1, 2}, "fuzz", "127.0.0.1:7383"};
  return mine;
}

std::vector<std::byte> framed_greeting(const hello& from) {
  const auto payload = encode_hello(from);
  frame_header header{.type = frame_type::hello};
  header.length = static_cast<std::uint32_t>(payload.size());
  header.payload_checksum = checksum(payload);
  const auto head = encode_header(header);
  std::vector<std::byte> made(head.begin(), head.end());
  made.insert(made.end(), payload.begin(), payload.end());
  return made;
}

bool greets(handshake::side which, std::span<const std::byte> bytes) {
  handshake side(which, my_greeting());
  while (!bytes.empty() && !side.heard()) {
    const auto space = side.space();
    if (space.empty()) return false;
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    if (!side.received(count)) return false;
    bytes = bytes.subspan(count);
  }
  return side.heard();
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  hello later = my_greeting();
  later.version_min = 7, later.version_max = 9;
  const auto plain = framed_greeting(my_greeting());
  const pairing_card card{};
  std::vector<fuzz_seed> seeds{
      seed("connecting", kind::connecting, plain),
      seed("accepting", kind::accepting, plain),
      seed("later_version", kind::accepting, framed_greeting(later)),
      seed("greeting", kind::greeting, encode_hello(my_greeting())),
      seed("farewell", kind::farewell, encode_goodbye(error(errc::cancelled, "bye"))),
      seed("beacon", kind::beacon, encode_beacon(announcement{})),
      seed("pairing", kind::pairing, encode_greeting(spake2_share{}, encode_identity(card))),
      seed("refusal", kind::pairing, encode_refusal(pairing_refusal::wrong_code, 2)),
      seed("proof", kind::proof, encode_proof(spake2_proof{})),
  };
  // Headers that killed other listeners: all ones, a promise of 4 GiB, another protocol.
  seeds.push_back(seed("all_ones", kind::accepting, std::vector<std::byte>(32, std::byte{0xff})));
  auto promise = plain;
  std::memset(promise.data() + 8, 0xff, 4);
  seeds.push_back(seed("promise_of_4_gib", kind::accepting, promise));
  seeds.push_back(seed("http", kind::accepting, to_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
  seeds.push_back(seed("ssh", kind::accepting, to_bytes("SSH-2.0-OpenSSH_9.2p1\r\n")));
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  if (input.empty()) return false;
  const auto bytes = input.subspan(1);
  switch (static_cast<kind>(std::to_integer<unsigned>(input[0]) % static_cast<unsigned>(kind::count))) {
    case kind::connecting: return greets(handshake::side::connecting, bytes);
    case kind::accepting: return greets(handshake::side::accepting, bytes);
    case kind::greeting: {
      const auto heard = decode_hello(bytes);
      if (heard) static_cast<void>(common_version(my_greeting(), *heard));
      return heard.has_value();
    }
    case kind::farewell: return !decode_goodbye(bytes).message().empty();
    case kind::beacon: return decode_beacon(bytes).has_value();
    case kind::pairing: return decode_greeting(bytes).has_value();
    case kind::proof: return decode_proof(bytes).has_value();
    case kind::count: break;
  }
  return false;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 8 * input_bytes + 65'536;
}

}  // namespace troupe::test
