// Which rows of which sessions the next step has.
#pragma once

#include <list>
#include <vector>

#include "generation/session.hpp"

namespace troupe {

/// Rows of one session in one step: those of its tokens from `first` on.
struct row_share {
  session* owner = nullptr;
  std::size_t first = 0;
  std::size_t count = 0;
};

/// Rows of a prompt in one step, of `rows_max` that there may be.
std::size_t prompt_rows(std::size_t rows_max, std::size_t stages) noexcept;

/// Steps under way at once that keep every stage busy: one more than there are stages, so that the first need not wait
/// until the last one's results are here.
std::size_t steps_at_once(std::size_t stages) noexcept;

/// The rows of one step, at most `rows_max`, for sessions of which other steps may be under way. Sessions that generate
/// have a row each; those that are served go to the end of `active`, so that all take turns. Prompts have the rest, and
/// a quarter at least, in the order of their sessions.
///
/// With several `stages` each step takes a part of what there is, so that every stage has one to work on.
std::vector<row_share> plan_step(std::list<session>& active, std::size_t rows_max, std::size_t stages);

}  // namespace troupe
