// Code points of a text and the classes that pre-tokenizers know.
#pragma once

#include <cstddef>
#include <string_view>

namespace troupe {

enum class character_class : unsigned char {
  none,    ///< beyond the end
  letter,  ///< general category L
  number,  ///< general category N
  space,   ///< property White_Space
  other,   ///< everything else: marks, punctuation, symbols, controls, unassigned, bytes that are not UTF-8
};

struct character {
  char32_t code = 0;      ///< U+FFFD for a byte that is not UTF-8
  std::size_t bytes = 0;  ///< 0 beyond the end
  character_class kind = character_class::none;
};

/// The character that begins at byte `at`; the end of the text is one with no bytes.
character character_at(std::string_view text, std::size_t at);

/// General category P.
bool is_punctuation(char32_t code);

}  // namespace troupe
