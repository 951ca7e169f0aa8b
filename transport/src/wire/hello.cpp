#include "wire/hello.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/address.hpp"
#include "troupe/transport/farewell.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t fixed_bytes = 2 + 2 + 4 + 4 + 8 + 8;
constexpr std::size_t goodbye_text_max = 512;
static_assert(fixed_bytes + 2 + limits::node_name_bytes_max + limits::address_bytes_max <= limits::greeting_bytes_max);

}  // namespace

result<void> validate(const hello& greeting) {
  TROUPE_CHECK(validate(greeting.profile));
  const node_identity& node = greeting.node;
  if (!node.id) return fail(errc::invalid_argument, "a node without an id cannot greet; use make_node_id");
  if (node.name.size() > limits::node_name_bytes_max)
    return fail(errc::invalid_argument, "a node's name has {} bytes; at most {} are allowed", node.name.size(),
                limits::node_name_bytes_max);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(node.name.begin(), node.name.end(), control))
    return fail(errc::invalid_argument, "the node's name \"{}\" holds control characters", printable(node.name));
  if (!node.listen_address.empty()) TROUPE_CHECK(parse_address(node.listen_address));
  return {};
}

std::vector<std::byte> encode_hello(const hello& greeting) {
  std::vector<std::byte> payload;
  append(payload, greeting.version_min);
  append(payload, greeting.version_max);
  append(payload, static_cast<std::uint32_t>(greeting.profile.heartbeat.count()));
  append(payload, static_cast<std::uint32_t>(greeting.profile.dead.count()));
  append(payload, greeting.node.id.high);
  append(payload, greeting.node.id.low);
  for (const std::string& text : {greeting.node.name, greeting.node.listen_address}) {
    append(payload, static_cast<std::uint8_t>(text.size()));
    append_text(payload, text);
  }
  return payload;
}

result<hello> decode_hello(std::span<const std::byte> payload) {
  if (payload.size() < fixed_bytes)
    return fail(errc::invalid_argument, "a greeting has {} bytes; at least {} are needed", payload.size(), fixed_bytes);
  hello greeting;
  greeting.version_min = load<std::uint16_t>(payload, 0);
  greeting.version_max = load<std::uint16_t>(payload, 2);
  greeting.profile.heartbeat = std::chrono::milliseconds(load<std::uint32_t>(payload, 4));
  greeting.profile.dead = std::chrono::milliseconds(load<std::uint32_t>(payload, 8));
  greeting.node.id = {load<std::uint64_t>(payload, 12), load<std::uint64_t>(payload, 20)};
  auto rest = payload.subspan(fixed_bytes);
  for (std::string* text : {&greeting.node.name, &greeting.node.listen_address}) {
    const std::size_t length = rest.empty() ? 0 : load<std::uint8_t>(rest, 0);
    if (rest.size() < 1 + length) return fail(errc::invalid_argument, "a greeting ends inside a text");
    *text = as_text(rest.subspan(1, length));
    rest = rest.subspan(1 + length);
  }
  if (greeting.version_min == 0 || greeting.version_min > greeting.version_max)
    return fail(errc::invalid_argument, "a greeting offers the versions {} to {}", greeting.version_min,
                greeting.version_max);
  TROUPE_CHECK(validate(greeting).while_doing("checking the peer's greeting"));
  return greeting;
}

result<std::uint16_t> common_version(const hello& mine, const hello& theirs) {
  const auto highest = std::min(mine.version_max, theirs.version_max);
  if (highest < std::max(mine.version_min, theirs.version_min))
    return fail(errc::unsupported,
                "the peer speaks versions {} to {} of the protocol and this build {} to {}; update the older one",
                theirs.version_min, theirs.version_max, mine.version_min, mine.version_max);
  return highest;
}

link_profile common_profile(const link_profile& mine, const link_profile& theirs) {
  return {std::min(mine.heartbeat, theirs.heartbeat), std::min(mine.dead, theirs.dead)};
}

std::vector<std::byte> encode_goodbye(const error& reason) {
  std::vector<std::byte> payload;
  append(payload, static_cast<std::uint8_t>(reason.code()));
  append_text(payload, std::string_view(reason.message()).substr(0, goodbye_text_max));
  return payload;
}

error decode_goodbye(std::span<const std::byte> payload) {
  // Whatever the peer's reason, for this side the link has become unavailable.
  if (payload.size() < 2 || load<std::uint8_t>(payload, 0) == static_cast<std::uint8_t>(errc::cancelled))
    return fail(errc::unavailable, "the peer has closed the link");
  return fail(errc::unavailable, "{}{}", farewell_prefix, printable(as_text(payload.subspan(1))));
}

}  // namespace troupe::wire
