// The pages of the caches of language models.
#pragma once

#include <cstdint>

namespace troupe {

/// Positions of one page.
inline constexpr std::int64_t cache_page_positions = 16;

}  // namespace troupe
