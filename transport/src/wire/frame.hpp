// The unit that travels on a connection: a header of 32 bytes and a payload, both protected by a checksum.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "troupe/engine/result.hpp"
#include "troupe/transport/limits.hpp"
#include "troupe/transport/message.hpp"

namespace troupe::wire {

/// Values travel on the wire. `hello` and `goodbye` keep their format in every version of the protocol.
enum class frame_type : std::uint8_t { hello = 1, data = 2, heartbeat = 3, goodbye = 4 };

inline constexpr std::size_t frame_header_bytes = 32;
/// A heartbeat says how many bytes of this connection have arrived so far: u64.
inline constexpr std::size_t heartbeat_bytes = 8;
inline constexpr std::size_t frame_payload_max = limits::frame_bytes_max - frame_header_bytes;

/// What a header says. On the wire, little-endian: magic "TRPE" (4 bytes), type (1), flags (1), lane (2), payload
/// length (4), sequence (4), XXH3-64 of the payload (8), XXH3-64 of the 24 bytes before (8).
struct frame_header {
  frame_type type = frame_type::data;
  bool opens_message = false;  ///< flag 1: the payload begins with a message's prologue; data frames only
  wire::lane lane = wire::lane::control;
  std::uint32_t length = 0;    ///< of the payload
  std::uint32_t sequence = 0;  ///< counts the frames of one direction from 0, wrapping
  std::uint64_t payload_checksum = 0;
};

using header_bytes = std::array<std::byte, frame_header_bytes>;

header_bytes encode_header(const frame_header& header) noexcept;

/// An error when these first bytes of a frame, fewer than a header, already show another protocol.
result<void> check_magic(std::span<const std::byte> first_bytes);

/// Believes nothing before the header's own checksum is right; then checks type, flags, lane and length.
/// `greeting`: before the peer has greeted only short frames are allowed.
result<frame_header> decode_header(std::span<const std::byte, frame_header_bytes> raw, bool greeting);

/// XXH3-64, of one piece or of several in a row.
std::uint64_t checksum(std::span<const std::byte> bytes) noexcept;
std::uint64_t checksum(std::span<const std::span<const std::byte>> pieces) noexcept;

/// Compares a payload that arrived with what its header promised.
result<void> check_payload(const frame_header& header, std::span<const std::byte> payload);

}  // namespace troupe::wire
