// One session of a generator: its tokens, its pages, and how far the cache is with them.
#pragma once

#include <vector>

#include "generation/page_pool.hpp"
#include "troupe/engine/generation.hpp"

namespace troupe {

struct session {
  session_id id = 0;
  session_options options;
  sampler choice;
  std::vector<token_id> tokens;  ///< the prompt and what was generated
  std::size_t prompt_size = 0;
  std::size_t length_max = 0;  ///< tokens at most, with those to generate
  std::size_t scored = 1;      ///< tokens of the prompt whose log-probability was given already, or cannot be
  std::size_t computed = 0;    ///< tokens whose keys and values are in the cache
  std::size_t begun = 0;       ///< the same with those of steps that are under way

  std::int64_t sequence = -1;  ///< row of the page table; -1 while it waits
  std::vector<page_pool::page> pages;
  page_pool::text text = 0;    ///< that the pages hold, as far as it can be found
  std::size_t remembered = 0;  ///< pages of `text`

  std::size_t remaining() const noexcept { return tokens.size() - computed; }
  std::size_t pages_needed() const noexcept { return (length_max + cache_page_positions - 1) / cache_page_positions; }
};

}  // namespace troupe
