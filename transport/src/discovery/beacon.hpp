// The datagram of an announcement: always 40 bytes, little-endian. "TRPB", format (u8, 1), service (u8), port (u16),
// key.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "troupe/transport/discovery.hpp"

namespace troupe::wire {

inline constexpr std::size_t beacon_bytes = 40;

std::array<std::byte, beacon_bytes> encode_beacon(const announcement& what);
/// Nothing for whatever is not exactly one: other programs may use the group, and anybody may send anything.
std::optional<announcement> decode_beacon(std::span<const std::byte> datagram);

}  // namespace troupe::wire
