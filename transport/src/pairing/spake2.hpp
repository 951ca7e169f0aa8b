// SPAKE2 (RFC 9382) over P-256 with SHA-256, HKDF and HMAC: two sides that know the same short password prove it to
// each other. Who listens, or only pretends to be the other side, learns nothing but whether one guess was right.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// A and B of the RFC.
enum class spake2_side : std::uint8_t { a, b };

/// What a side sends first: a point, uncompressed.
using spake2_share = std::array<std::byte, 65>;
/// What a side sends to prove that it knows the password.
using spake2_proof = std::array<std::byte, 32>;
/// A number below the order of the group, most significant byte first.
using spake2_number = std::array<std::byte, 32>;

/// `mine` is to be sent; what the peer sends must equal `expected` (compare with `same_proof`).
struct spake2_proofs {
  spake2_proof mine;
  spake2_proof expected;
};

/// In a time that does not depend on where they differ.
bool same_proof(const spake2_proof& one, const spake2_proof& other) noexcept;

/// One side of one exchange, with a secret number of its own: never use it for a second one. A password of few bits is
/// safe only where wrong guesses are counted; it is hashed plainly because nothing that is sent can be searched for it.
class spake2 {
public:
  static result<spake2> make(spake2_side side, std::string_view password);
  /// With the password's number and the secret number given, as the RFC's test vectors have them.
  static result<spake2> make(spake2_side side, const spake2_number& password, const spake2_number& secret);

  const spake2_share& share() const noexcept { return share_; }

  /// What both sides say about themselves is part of the proofs: they match only when both have the same bytes of
  /// both. `invalid_argument` when `peer` is not a share.
  result<spake2_proofs> finish(const spake2_share& peer, std::span<const std::byte> identity_a,
                               std::span<const std::byte> identity_b) const;

private:
  spake2_side side_ = spake2_side::a;
  spake2_number password_{};
  spake2_number secret_{};
  spake2_share share_{};
};

}  // namespace troupe::wire
