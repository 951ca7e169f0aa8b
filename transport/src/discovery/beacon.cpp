#include "discovery/beacon.hpp"

#include <algorithm>

#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

constexpr std::string_view magic = "TRPB";
constexpr std::uint8_t format = 1;
constexpr std::size_t format_at = 4, service_at = 5, port_at = 6, key_at = 8;
static_assert(key_at + sizeof(key_hash::bytes) == beacon_bytes);

}  // namespace

std::array<std::byte, beacon_bytes> encode_beacon(const announcement& what) {
  std::array<std::byte, beacon_bytes> made{};
  const std::span<std::byte> all = made;
  std::transform(magic.begin(), magic.end(), made.begin(), [](char c) { return static_cast<std::byte>(c); });
  store(all, format_at, format);
  store(all, service_at, static_cast<std::uint8_t>(what.what));
  store(all, port_at, what.port);
  std::copy(what.key.bytes.begin(), what.key.bytes.end(), all.begin() + key_at);
  return made;
}

std::optional<announcement> decode_beacon(std::span<const std::byte> datagram) {
  if (datagram.size() != beacon_bytes || as_text(datagram.first(magic.size())) != magic ||
      load<std::uint8_t>(datagram, format_at) != format)
    return std::nullopt;
  announcement told;
  const auto what = load<std::uint8_t>(datagram, service_at);
  if (what != static_cast<std::uint8_t>(service::node) && what != static_cast<std::uint8_t>(service::pairing))
    return std::nullopt;
  told.what = static_cast<service>(what);
  told.port = load<std::uint16_t>(datagram, port_at);
  std::copy_n(datagram.begin() + key_at, told.key.bytes.size(), told.key.bytes.begin());
  if (told.port == 0 || !told.key) return std::nullopt;
  return told;
}

}  // namespace troupe::wire
