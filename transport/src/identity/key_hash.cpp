#include "troupe/transport/key_hash.hpp"

#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

// Without l and o, which people take for digits.
constexpr std::string_view name_symbols = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(name_symbols.size() == 32);
constexpr std::size_t name_length = 8;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_string(const key_hash& key) {
  std::string text;
  for (const std::byte each : key.bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(each));
  return text;
}

std::string short_name(const key_hash& key) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) bits = bits << 8 | std::to_integer<std::uint64_t>(key.bytes[i]);
  std::string name;
  for (std::size_t i = name_length; i-- > 0;) name += name_symbols[bits >> (5 * i) & 31];
  return name;
}

result<key_hash> parse_key_hash(std::string_view text) {
  key_hash key;
  bool proper = text.size() == 2 * key.bytes.size();
  for (std::size_t i = 0; proper && i < key.bytes.size(); ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    proper = high >= 0 && low >= 0;
    key.bytes[i] = static_cast<std::byte>(high * 16 + low);
  }
  if (!proper || !key)
    return fail(errc::invalid_argument, "\"{}\" is not the hash of a key; write its 64 hexadecimal digits",
                printable(text.substr(0, 80)));
  return key;
}

}  // namespace troupe::wire
