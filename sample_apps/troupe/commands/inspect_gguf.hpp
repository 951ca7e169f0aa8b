// What `troupe inspect` says about language models.
#pragma once

#include <string>

#include "console.hpp"

namespace troupe::app {

/// True when the file begins as GGUF files do.
bool is_gguf(const std::string& file);

result<void> inspect_gguf(const std::string& file, console& out);

}  // namespace troupe::app
