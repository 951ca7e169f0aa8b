#include "planner/stage_search.hpp"

#include <algorithm>
#include <deque>
#include <limits>

namespace troupe {
namespace {

constexpr double impossible = std::numeric_limits<double>::infinity();
constexpr std::uint32_t skipped = std::numeric_limits<std::uint32_t>::max();

/// One row of the table: the least cost of the first `last` pieces when `node` may be the last one used.
void add_node(const stage_costs& node, const std::vector<std::uint64_t>& piece_bytes, const stage_limits& limits,
              const std::vector<double>& before, std::vector<double>& after, std::vector<std::uint32_t>& first_piece,
              std::uint64_t& steps) {
  const std::size_t pieces = piece_bytes.size() - 1;
  // A stage from `first` to `last` costs ends(last) + begins(first); the least begin in reach is at the front.
  const auto begins = [&](std::size_t first) { return before[first] - node.compute_s[first] + node.hop_s[first]; };
  std::deque<std::size_t> window;
  for (std::size_t last = 1; last <= pieces; ++last) {
    ++steps;
    const std::size_t entering = last - 1;
    if (before[entering] < impossible && node.hop_busy_s[entering] <= limits.stage_s) {
      while (!window.empty() && begins(window.back()) >= begins(entering)) window.pop_back();
      window.push_back(entering);
    }
    const auto too_long = [&](std::size_t first) {
      return node.compute_s[last] - node.compute_s[first] + node.run_s > limits.stage_s ||
             piece_bytes[last] - piece_bytes[first] > node.memory_bytes;
    };
    while (!window.empty() && too_long(window.front())) window.pop_front();
    if (window.empty() || node.hop_busy_s[last] > limits.stage_s) continue;
    const double cost =
        begins(window.front()) + node.compute_s[last] + node.run_s + node.hop_s[last] - limits.stage_bonus;
    if (cost >= after[last]) continue;
    after[last] = cost;
    first_piece[last] = static_cast<std::uint32_t>(window.front());
  }
}

}  // namespace

std::optional<found_stages> search_stages(const std::vector<const stage_costs*>& nodes,
                                          const std::vector<std::uint64_t>& piece_bytes, const stage_limits& limits,
                                          std::uint64_t* steps) {
  const std::size_t pieces = piece_bytes.size() - 1;
  std::uint64_t looked_at = 0;
  std::vector<double> best(pieces + 1, impossible);
  best[0] = 0;
  std::vector<std::vector<std::uint32_t>> first_piece(nodes.size(), std::vector<std::uint32_t>(pieces + 1, skipped));
  for (std::size_t node = 0; node < nodes.size(); ++node) {
    std::vector<double> after = limits.use_all ? std::vector<double>(pieces + 1, impossible) : best;
    add_node(*nodes[node], piece_bytes, limits, best, after, first_piece[node], looked_at);
    best = std::move(after);
  }
  if (steps) *steps += looked_at;
  if (best[pieces] == impossible) return std::nullopt;
  found_stages found{best[pieces], {}};
  std::size_t last = pieces;
  for (std::size_t node = nodes.size(); node-- > 0;) {
    const std::uint32_t first = first_piece[node][last];
    if (first == skipped) continue;
    found.stages.push_back({node, first, last});
    last = first;
  }
  std::reverse(found.stages.begin(), found.stages.end());
  return found;
}

}  // namespace troupe
