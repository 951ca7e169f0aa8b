#include "tokenizer/byte_alphabet.hpp"

#include <array>

#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

struct alphabet {
  std::array<char32_t, 256> letters{};
  std::array<std::int16_t, 0x200> bytes{};  ///< -1 for what is no letter

  constexpr alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
      letters[byte] = printable ? byte : next++;
      bytes[letters[byte]] = static_cast<std::int16_t>(byte);
    }
  }
};

constexpr alphabet table;

}  // namespace

char32_t letter_of_byte(unsigned char byte) noexcept {
  return table.letters[byte];
}

std::optional<std::string> bytes_of_letters(std::string_view token) {
  std::string made;
  while (!token.empty()) {
    const utf8_front front = front_of_utf8(token);
    if (front.state != utf8_state::complete || front.code_point >= table.bytes.size()) return std::nullopt;
    const std::int16_t byte = table.bytes[front.code_point];
    if (byte < 0) return std::nullopt;
    made.push_back(static_cast<char>(byte));
    token.remove_prefix(front.bytes);
  }
  return made;
}

}  // namespace troupe
