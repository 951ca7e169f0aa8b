// Tokens that stand for one byte.
#pragma once

#include <optional>
#include <string_view>

namespace troupe {

/// The byte of "<0x0A>"; nothing for any other text.
constexpr std::optional<unsigned char> byte_of_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'F', lower = c >= 'a' && c <= 'f';
    if (!digit && !upper && !lower) return std::nullopt;
    value = value * 16 + static_cast<unsigned>(digit ? c - '0' : (upper ? c - 'A' : c - 'a') + 10);
  }
  return static_cast<unsigned char>(value);
}

}  // namespace troupe
