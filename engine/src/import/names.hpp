// Names from model files.
#pragma once

#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe {

/// Fails unless `text` is UTF-8 without control characters, at most `limits::name_length_max` bytes long: names end
/// up in messages, JSON and file names. `role` says whose name it is.
result<void> check_name(std::string_view text, std::string_view role);

}  // namespace troupe
