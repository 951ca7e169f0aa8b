// Spaces that older byte-pair tokenizers take out when they make text of tokens.
#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// Without a space before ? ! . and ,; without both around a single apostrophe; without one before 's 'm 're 've.
std::string clean_spaces(std::string_view text);

}  // namespace troupe
