// The two frames whose format never changes: how nodes greet, and how they part.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/link.hpp"

namespace troupe::wire {

/// What a greeting says. On the wire, little-endian: lowest and highest version (u16 each), heartbeat interval and time
/// until death in ms (u32 each), node id (two u64), name and listen address (u8 length and bytes each). A later version
/// may add fields behind; a reader ignores what it does not know.
struct hello {
  std::uint16_t version_min = protocol_version_min;
  std::uint16_t version_max = protocol_version_max;
  link_profile profile;
  node_identity node;
};

/// `invalid_argument` when a name, address or profile cannot be greeted with.
result<void> validate(const hello& greeting);
std::vector<std::byte> encode_hello(const hello& greeting);
result<hello> decode_hello(std::span<const std::byte> payload);

/// Names both ranges when there is no common version.
result<std::uint16_t> common_version(const hello& mine, const hello& theirs);

/// The shorter interval and the shorter bound of both.
link_profile common_profile(const link_profile& mine, const link_profile& theirs);

/// A farewell carries its reason: an error code (u8) and a text.
std::vector<std::byte> encode_goodbye(const error& reason);
error decode_goodbye(std::span<const std::byte> payload);

}  // namespace troupe::wire
