#include "wire/frame.hpp"

#define XXH_INLINE_ALL  // the header alone: nothing to link, no symbols that could meet another copy
#include <xxhash.h>

#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

constexpr std::string_view magic = "TRPE";
constexpr std::uint8_t flag_opens_message = 1;

std::size_t length_max(frame_type type, bool greeting) {
  switch (type) {
    case frame_type::hello:
    case frame_type::goodbye: return limits::greeting_bytes_max;
    case frame_type::heartbeat: return heartbeat_bytes;
    case frame_type::data: return greeting ? 0 : frame_payload_max;
  }
  return 0;
}

}  // namespace

header_bytes encode_header(const frame_header& header) noexcept {
  header_bytes raw;
  std::memcpy(raw.data(), magic.data(), magic.size());
  store<std::uint8_t>(raw, 4, static_cast<std::uint8_t>(header.type));
  store<std::uint8_t>(raw, 5, header.opens_message ? flag_opens_message : 0);
  store<std::uint16_t>(raw, 6, static_cast<std::uint16_t>(header.lane));
  store<std::uint32_t>(raw, 8, header.length);
  store<std::uint32_t>(raw, 12, header.sequence);
  store<std::uint64_t>(raw, 16, header.payload_checksum);
  store<std::uint64_t>(raw, 24, checksum(std::span<const std::byte>(raw).first(24)));
  return raw;
}

result<void> check_magic(std::span<const std::byte> first_bytes) {
  const auto text = as_text(first_bytes);
  const auto compared = std::min(text.size(), magic.size());
  if (text.substr(0, compared) != magic.substr(0, compared))
    return fail(errc::invalid_argument, "the peer does not speak Troupe's protocol: it sends \"{}\"",
                printable(text.substr(0, 8)));
  return {};
}

result<frame_header> decode_header(std::span<const std::byte, frame_header_bytes> raw, bool greeting) {
  TROUPE_CHECK(check_magic(raw));
  if (load<std::uint64_t>(raw, 24) != checksum(raw.first(24)))
    return fail(errc::invalid_argument, "the checksum of a frame's header is wrong; the connection cannot be trusted");

  frame_header header;
  const auto type = load<std::uint8_t>(raw, 4);
  if (type < static_cast<std::uint8_t>(frame_type::hello) || type > static_cast<std::uint8_t>(frame_type::goodbye))
    return fail(errc::invalid_argument, "a frame has the unknown type {}", type);
  header.type = static_cast<frame_type>(type);

  const auto flags = load<std::uint8_t>(raw, 5);
  if (flags > flag_opens_message || (flags != 0 && header.type != frame_type::data))
    return fail(errc::invalid_argument, "a frame of type {} has the unknown flags {}", type, flags);
  header.opens_message = flags == flag_opens_message;

  const auto lane_number = load<std::uint16_t>(raw, 6);
  if (lane_number >= lane_count)
    return fail(errc::invalid_argument, "a frame travels in lane {}, which does not exist", lane_number);
  header.lane = static_cast<lane>(lane_number);

  header.length = load<std::uint32_t>(raw, 8);
  if (header.length > length_max(header.type, greeting))
    return fail(errc::invalid_argument, "a frame of type {} announces {} bytes{}; at most {} are allowed", type,
                header.length, greeting ? " before the greeting" : "", length_max(header.type, greeting));
  if (header.type == frame_type::heartbeat && header.length != heartbeat_bytes)
    return fail(errc::invalid_argument, "a heartbeat has {} bytes; it has always {}", header.length, heartbeat_bytes);
  header.sequence = load<std::uint32_t>(raw, 12);
  header.payload_checksum = load<std::uint64_t>(raw, 16);
  return header;
}

std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t checksum(std::span<const std::span<const std::byte>> pieces) noexcept {
  if (pieces.size() == 1) return checksum(pieces.front());
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for (const auto piece : pieces) XXH3_64bits_update(&state, piece.data(), piece.size());
  return XXH3_64bits_digest(&state);
}

result<void> check_payload(const frame_header& header, std::span<const std::byte> payload) {
  if (checksum(payload) != header.payload_checksum)
    return fail(errc::invalid_argument, "the checksum of frame {} is wrong; the connection cannot be trusted",
                header.sequence);
  return {};
}

}  // namespace troupe::wire
