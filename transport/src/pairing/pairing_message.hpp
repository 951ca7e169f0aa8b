// The messages of a pairing, before anybody is known: fixed formats, a few hundred bytes. Each travels behind its size
// (u16). Numbers are little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pairing/spake2.hpp"
#include "troupe/transport/pairing.hpp"

namespace troupe::wire {

/// Versions of the exchange that this build speaks. The joining side names its own; the other answers with the one to
/// use, which cannot be changed on the way: it is part of what is proven.
inline constexpr std::uint16_t pairing_version = 1;

/// First byte of a message.
enum class pairing_message : std::uint8_t {
  greeting = 1,  ///< "troupe", version (u16), share, card
  proof = 2,     ///< 32 bytes
  refusal = 3,   ///< reason (u8), guesses left (u8)
};

enum class pairing_refusal : std::uint8_t {
  wrong_code = 1,
  not_kept = 2,  ///< the machine could not store its new peer
  version = 3,
  not_understood = 4,
  same_key = 5,  ///< both sides have the same
};

struct pairing_greeting {
  spake2_share share{};
  pairing_card card;
  std::vector<std::byte> identity;  ///< everything but the share, as it was sent: what the proofs cover
};

/// `invalid_argument` for a card that breaks a limit.
result<void> validate(const pairing_card& card);

/// What the proofs cover of a valid card.
std::vector<std::byte> encode_identity(const pairing_card& card);
std::vector<std::byte> encode_greeting(const spake2_share& share, std::span<const std::byte> identity);
std::vector<std::byte> encode_proof(const spake2_proof& proof);
std::vector<std::byte> encode_refusal(pairing_refusal why, std::size_t guesses_left);

/// Both sides show the same key.
error same_key();

/// Of any bytes. `invalid_argument` for what is none, `unsupported` for another version; a refusal in place of what is
/// expected is its error.
result<pairing_greeting> decode_greeting(std::span<const std::byte> message);
result<spake2_proof> decode_proof(std::span<const std::byte> message);

}  // namespace troupe::wire
