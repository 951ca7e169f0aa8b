// Records as they arrive: the head of a message, with attachments that are whole. The first byte of an input chooses
// their number.
#include "fuzz_target.hpp"
#include "support/letters.hpp"
#include "troupe/transport/limits.hpp"

namespace troupe::test {
namespace {

wire::blob aligned(std::span<const std::byte> bytes) {
  const auto held = need(
      tensor::from_bytes(dtype::u8, need(shape::make(std::array{static_cast<std::int64_t>(bytes.size())})), bytes));
  return {held.storage(), bytes.size()};
}

/// A segment table and what follows, as Cap'n Proto has it (little-endian words of 4 bytes).
std::vector<std::byte> words(std::initializer_list<std::uint32_t> values, std::size_t more = 0) {
  std::vector<std::byte> made{std::byte{0}};
  for (const std::uint32_t value : values)
    for (int i = 0; i < 4; ++i) made.push_back(static_cast<std::byte>(value >> (8 * i)));
  made.resize(made.size() + more);
  return made;
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  std::vector<fuzz_seed> seeds;
  for (const auto& [name, letter] : sample_letters()) {
    const auto sent = need(wire::encode(letter));
    fuzz_seed seed{name, {static_cast<std::byte>(sent.attachments.size())}, {}};
    const auto head = sent.head.bytes();
    seed.bytes.insert(seed.bytes.end(), head.begin(), head.end());
    for (std::size_t at = 1; at < seed.bytes.size(); at += 4) seed.boundaries.push_back(at);
    seeds.push_back(std::move(seed));
  }
  // Segment tables and lists that promise more than there is (CVE-2015-2310, -2312, -2313, CVE-2022-46149,
  // CVE-2023-48230, CVE-2026-32239, -32240 and the overflow of the number of segments).
  seeds.push_back({"segments_overflow", words({0xffffffff, 0})});
  seeds.push_back({"segments_512", words({511}, 512 * 4)});
  seeds.push_back({"segment_of_gigabytes", words({0, 0x1fffffff}, 64)});
  seeds.push_back({"list_of_nothings", words({0, 2, 0, 0x00010000, 1, 0xfffffff8}, 0)});
  seeds.push_back({"list_of_empty_structs", words({0, 3, 0, 0x00010000, 1, 0xffffffff, 0xfffffffc, 0}, 0)});
  seeds.push_back({"pointer_to_itself", words({0, 1, 0xfffffffc, 0x00010000}, 0)});
  seeds.push_back({"far_pointer", words({1, 1, 1, 0, 0x00000002, 1, 0x00000002, 0}, 0)});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  if (input.size() < 2) return false;
  static const wire::blob attachment = aligned(std::vector<std::byte>(2 * 67 * 67));
  const std::vector<wire::blob> attachments(std::to_integer<std::size_t>(input[0]) % 8, attachment);
  bool accepted = false;
  for (const auto lane : {wire::lane::control, wire::lane::bulk, wire::lane::background}) {
    const auto letter = wire::decode({aligned(input.subspan(1)), attachments, lane});
    if (!letter) continue;
    accepted = true;
    fuzz_require(wire::encode(*letter).has_value(), "a record that was accepted cannot be sent");
  }
  return accepted;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  // The record's copy, what is decoded, and what is encoded again of it.
  return 4 * limits::decoded_bytes_per_byte_max * input_bytes + 262'144;
}

}  // namespace troupe::test
