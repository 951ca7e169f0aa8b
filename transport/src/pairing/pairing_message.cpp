#include "pairing/pairing_message.hpp"

#include <algorithm>
#include <optional>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

constexpr std::string_view magic = "troupe";

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c != 0x7f; });
}

error not_a_message() {
  return fail(errc::invalid_argument,
              "what answers there does not speak Troupe's pairing protocol; check the address and the port");
}

error of_refusal(std::span<const std::byte> message) {
  if (message.size() != 3) return not_a_message();
  const auto left = load<std::uint8_t>(message, 2);
  switch (static_cast<pairing_refusal>(load<std::uint8_t>(message, 1))) {
    case pairing_refusal::wrong_code:
      if (left == 0)
        return fail(errc::invalid_argument,
                    "the code is wrong, and the other machine accepts no further guess; run `troupe pair` there again "
                    "for a new code");
      return fail(errc::invalid_argument, "the code is wrong; compare it with the other machine, which accepts {} more",
                  left);
    case pairing_refusal::not_kept:
      return fail(errc::unavailable, "the other machine knows the code but cannot store the pairing; see its message");
    case pairing_refusal::version:
      return fail(errc::unsupported, "the other machine pairs with another version of the protocol than {}; update it",
                  pairing_version);
    case pairing_refusal::same_key: return same_key();
    case pairing_refusal::not_understood: break;
  }
  return fail(errc::unavailable, "the other machine has refused to pair; try again");
}

/// Reads a message from its front; every length is checked before it is used.
class reader {
public:
  explicit reader(std::span<const std::byte> from) : left_(from) {}

  bool take(std::size_t count, std::span<const std::byte>& into) {
    if (left_.size() < count) return false;
    into = left_.first(count);
    left_ = left_.subspan(count);
    return true;
  }
  template <class T>
  bool number(T& into) {
    std::span<const std::byte> raw;
    if (!take(sizeof(T), raw)) return false;
    into = load<T>(raw, 0);
    return true;
  }
  /// A length (u8) and its bytes.
  bool text(std::size_t most, std::string& into) {
    std::uint8_t size = 0;
    std::span<const std::byte> raw;
    if (!number(size) || size > most || !take(size, raw)) return false;
    into = as_text(raw);
    return true;
  }
  std::span<const std::byte> rest() const { return left_; }

private:
  std::span<const std::byte> left_;
};

std::optional<pairing_card> read_card(reader& from) {
  pairing_card card;
  std::span<const std::byte> key;
  std::uint8_t role = 0, addresses = 0;
  if (!from.take(card.key.bytes.size(), key) || !from.number(role) ||
      !from.text(limits::node_name_bytes_max, card.name) || !from.number(addresses) ||
      addresses > limits::pairing_addresses_max)
    return std::nullopt;
  std::copy(key.begin(), key.end(), card.key.bytes.begin());
  card.grants = static_cast<peer_role>(role);
  card.addresses.resize(addresses);
  for (std::string& each : card.addresses)
    if (!from.text(limits::address_bytes_max, each)) return std::nullopt;
  return card;
}

}  // namespace

error same_key() {
  return fail(errc::invalid_argument,
              "the other machine has the key of this one: a machine does not pair with itself, and machines that share "
              "a home folder need a --state folder each");
}

result<void> validate(const pairing_card& card) {
  if (!card.key) return fail(errc::invalid_argument, "a machine without a key cannot pair");
  if (card.name.empty() || card.name.size() > limits::node_name_bytes_max || !is_printable(card.name))
    return fail(errc::invalid_argument, "the name \"{}\" cannot be used to pair; choose 1 to {} printable characters",
                printable(std::string_view(card.name).substr(0, limits::node_name_bytes_max)),
                limits::node_name_bytes_max);
  if (!parse_peer_role(to_string(card.grants)))
    return fail(errc::invalid_argument, "there is no role {} to grant", static_cast<int>(card.grants));
  if (card.addresses.size() > limits::pairing_addresses_max)
    return fail(errc::invalid_argument, "{} addresses are given to pair with; at most {} are allowed",
                card.addresses.size(), limits::pairing_addresses_max);
  std::size_t bytes = 0;
  for (const std::string& each : card.addresses) {
    bytes += each.size();
    if (each.empty() || each.size() > limits::address_bytes_max || !is_printable(each))
      return fail(errc::invalid_argument, "\"{}\" is not an address to pair with",
                  printable(std::string_view(each).substr(0, limits::address_bytes_max)));
  }
  // Magic, version, share, key, role and lengths take less than 200 bytes.
  if (bytes + card.name.size() > limits::pairing_message_bytes_max - 200)
    return fail(errc::invalid_argument, "the addresses to pair with have {} bytes in all; give fewer", bytes);
  return {};
}

std::vector<std::byte> encode_identity(const pairing_card& card) {
  std::vector<std::byte> made;
  append(made, pairing_version);
  made.insert(made.end(), card.key.bytes.begin(), card.key.bytes.end());
  append(made, static_cast<std::uint8_t>(card.grants));
  append(made, static_cast<std::uint8_t>(card.name.size()));
  append_text(made, card.name);
  append(made, static_cast<std::uint8_t>(card.addresses.size()));
  for (const std::string& each : card.addresses) {
    append(made, static_cast<std::uint8_t>(each.size()));
    append_text(made, each);
  }
  return made;
}

std::vector<std::byte> encode_greeting(const spake2_share& share, std::span<const std::byte> identity) {
  std::vector<std::byte> made;
  append(made, static_cast<std::uint8_t>(pairing_message::greeting));
  append_text(made, magic);
  made.insert(made.end(), share.begin(), share.end());
  made.insert(made.end(), identity.begin(), identity.end());
  return made;
}

std::vector<std::byte> encode_proof(const spake2_proof& proof) {
  std::vector<std::byte> made;
  append(made, static_cast<std::uint8_t>(pairing_message::proof));
  made.insert(made.end(), proof.begin(), proof.end());
  return made;
}

std::vector<std::byte> encode_refusal(pairing_refusal why, std::size_t guesses_left) {
  std::vector<std::byte> made;
  append(made, static_cast<std::uint8_t>(pairing_message::refusal));
  append(made, static_cast<std::uint8_t>(why));
  append(made, static_cast<std::uint8_t>(guesses_left));
  return made;
}

result<pairing_greeting> decode_greeting(std::span<const std::byte> message) {
  pairing_greeting greeting;
  reader from(message);
  std::uint8_t kind = 0;
  std::span<const std::byte> greeted, share;
  if (!from.number(kind)) return not_a_message();
  if (kind == static_cast<std::uint8_t>(pairing_message::refusal)) return of_refusal(message);
  if (kind != static_cast<std::uint8_t>(pairing_message::greeting) || !from.take(magic.size(), greeted) ||
      as_text(greeted) != magic || !from.take(greeting.share.size(), share))
    return not_a_message();
  std::copy(share.begin(), share.end(), greeting.share.begin());
  greeting.identity.assign(from.rest().begin(), from.rest().end());

  std::uint16_t version = 0;
  if (!from.number(version)) return not_a_message();
  if (version != pairing_version)
    return fail(errc::unsupported, "the other machine pairs with version {} of the protocol, this one with {}", version,
                pairing_version);
  auto card = read_card(from);
  if (!card || !from.rest().empty() || !validate(*card)) return not_a_message();
  greeting.card = std::move(*card);
  return greeting;
}

result<spake2_proof> decode_proof(std::span<const std::byte> message) {
  spake2_proof proof;
  reader from(message);
  std::uint8_t kind = 0;
  std::span<const std::byte> bytes;
  if (!from.number(kind)) return not_a_message();
  if (kind == static_cast<std::uint8_t>(pairing_message::refusal)) return of_refusal(message);
  if (kind != static_cast<std::uint8_t>(pairing_message::proof) || !from.take(proof.size(), bytes) ||
      !from.rest().empty())
    return not_a_message();
  std::copy(bytes.begin(), bytes.end(), proof.begin());
  return proof;
}

}  // namespace troupe::wire
