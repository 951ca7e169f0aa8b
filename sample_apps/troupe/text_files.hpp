// Texts on disk.
#pragma once

#include <string>

#include "troupe/engine/result.hpp"

namespace troupe::app {

/// The bytes of a file, at most as many as become tokens at a time.
result<std::string> read_text(const std::string& file);

}  // namespace troupe::app
