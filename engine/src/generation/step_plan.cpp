#include "generation/step_plan.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// Rows of prompts in one step where there are several stages: a pass over fewer costs nearly as much on any device,
/// since weights are read and unpacked once for all of them.
constexpr std::size_t prompt_piece = 32;

bool generates(const session& each) {
  return each.remaining() == 1;
}

}  // namespace

std::size_t prompt_rows(std::size_t rows_max, std::size_t stages) noexcept {
  return stages > 1 ? std::min(rows_max, prompt_piece) : rows_max;
}

std::size_t steps_at_once(std::size_t stages) noexcept {
  return stages > 1 ? stages + 1 : 1;
}

std::vector<row_share> plan_step(std::list<session>& active, std::size_t rows_max, std::size_t stages) {
  std::size_t generating = 0, of_prompts = 0;
  for (const session& each : active) {
    if (generates(each))
      ++generating;
    else
      of_prompts += each.tokens.size() - each.begun;
  }
  const std::size_t turns = std::min((generating + stages - 1) / stages, rows_max - std::min(of_prompts, rows_max / 4));

  std::vector<row_share> shares;
  const auto give = [&](session& to, std::size_t count) {
    shares.push_back({&to, to.begun, count});
    to.begun += count;
  };
  for (auto next = active.begin(); next != active.end() && shares.size() < turns;)
    if (const auto each = next++; generates(*each) && each->begun < each->tokens.size()) {
      give(*each, 1);
      active.splice(active.end(), active, each);
    }
  std::size_t left = std::min(rows_max - shares.size(), prompt_rows(rows_max, stages));
  for (session& each : active) {
    const std::size_t count = generates(each) ? 0 : std::min(left, each.tokens.size() - each.begun);
    if (count == 0) continue;
    give(each, count);
    left -= count;
  }
  return shares;
}

}  // namespace troupe
