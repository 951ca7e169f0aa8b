// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe {

enum class utf8_state : unsigned char {
  complete,    ///< the bytes of one code point
  incomplete,  ///< the text ends within what may become a code point
  invalid,     ///< these bytes are part of no code point, whatever follows
};

/// What the text begins with.
struct utf8_front {
  std::size_t bytes = 0;  ///< of the code point; or of the longest part that could have begun one, at least 1
  utf8_state state = utf8_state::invalid;
  char32_t code_point = 0;  ///< of a complete one
};

/// Looks at the beginning of `text`, which is not empty.
utf8_front front_of_utf8(std::string_view text) noexcept;

bool is_utf8(std::string_view text) noexcept;

/// The same text with U+FFFD for each part that is not UTF-8 (one for each maximal subpart, as the Unicode standard
/// recommends in 3.9 and Python does).
std::string replace_invalid_utf8(std::string_view text);

/// Appends the bytes of `code_point`, which is at most U+10FFFF.
void append_utf8(std::string& to, char32_t code_point);

}  // namespace troupe
