// What one person reads on one machine and types on another to pair the two.
#pragma once

#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Eight symbols of 32 (digits and capital letters without I, L, O and U, which are taken for others): 40 bits, which
/// is enough because only a few guesses are allowed and each takes a connection.
class pairing_code {
public:
  static constexpr std::size_t symbols = 8;

  /// From the operating system's generator.
  static result<pairing_code> draw();
  /// As people type it: in either case, with blanks or dashes anywhere, O for 0, I or L for 1. `invalid_argument` for
  /// anything else; the message does not repeat the text, which may be nearly right.
  static result<pairing_code> parse(std::string_view text);

  /// "7K3M-9PQX".
  std::string shown() const;
  /// "7K3M9PQX": the password of the exchange.
  const std::string& password() const noexcept { return text_; }

  friend bool operator==(const pairing_code&, const pairing_code&) = default;

private:
  explicit pairing_code(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace troupe::wire
