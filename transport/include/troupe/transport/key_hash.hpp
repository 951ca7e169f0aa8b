// How a machine is named beyond doubt: by the hash of its public key.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// SHA-256 of a public key in its standard form (the SubjectPublicKeyInfo of a certificate). All zero means nobody.
struct key_hash {
  std::array<std::byte, 32> bytes{};

  explicit operator bool() const noexcept { return *this != key_hash(); }
  friend auto operator<=>(const key_hash&, const key_hash&) = default;
};

/// 64 hexadecimal digits.
std::string to_string(const key_hash& key);

/// The first 40 bits as 8 letters and digits, for people who compare two screens. Never for decisions: a key with the
/// same short name can be searched for.
std::string short_name(const key_hash& key);

/// What `to_string` gives, upper case too; `invalid_argument` for anything else.
result<key_hash> parse_key_hash(std::string_view text);

}  // namespace troupe::wire
