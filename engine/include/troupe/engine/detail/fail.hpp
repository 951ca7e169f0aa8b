// Makes an error with a formatted message. For Troupe's own sources: no public header includes it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "troupe/engine/error.hpp"

namespace troupe {

/// `return fail(errc::invalid_argument, "axis {} is outside {}", axis, dims);`
template <class... Args>
error fail(errc code, fmt::format_string<Args...> text, Args&&... args) {
  return error(code, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace troupe
