// The letters in which byte-pair vocabularies write bytes: every byte is a printable code point.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// The code point of a byte: itself where it is printable in Latin-1, else one from U+0100 on, in order
/// (bytes_to_unicode in https://github.com/openai/gpt-2/blob/master/src/encoder.py).
char32_t letter_of_byte(unsigned char byte) noexcept;

/// The bytes that a token stands for; nothing when it has a character that is no letter of the alphabet.
std::optional<std::string> bytes_of_letters(std::string_view token);

}  // namespace troupe
