#include "live_plan.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace troupe {

using namespace live_plan_limits;

namespace {

/// What every host counts as while nothing but times is known of any: `slower` than something that does a hundred
/// billion operations a second.
planning_node any_node(double slower = 1) {
  const double operations = 1e11 / slower, bytes = 1e10 / slower, dispatch_s = 1e-5 * slower, run_s = 1e-4 * slower;
  return {"any", {"", "", std::numeric_limits<std::uint64_t>::max(), operations, bytes, dispatch_s, run_s}, {}, {}};
}

/// What each part would take on one host; on a host of which nothing is known, what those that are there do take.
struct host_column {
  std::uint32_t host = 0;
  link_ability link;
  std::uint64_t memory_bytes = 0;
  std::vector<planned_part> parts;
};

/// As the planner predicts for a node that is so much slower than expected.
std::optional<host_column> column_of(const plan_basis& basis, std::uint32_t host, planning_node node, double slower) {
  node.ability = corrected(std::move(node.ability), 1, slower);
  host_column made{host, node.link, node.ability.memory_bytes, {}};
  auto all = predict_pipeline(basis.costs, {std::move(node)}, std::vector<std::size_t>(basis.first.size(), 0),
                              basis.first, basis.options);
  if (!all) return std::nullopt;
  made.parts = std::move(all->parts);
  return made;
}

/// Which part is at which host, as numbers of columns.
using assignment = std::vector<std::size_t>;
using refusal = std::function<bool(std::uint32_t part, std::uint32_t host)>;

class assignment_search {
public:
  assignment_search(const std::vector<host_column>& columns, const refusal& refused, double under_way)
      : columns_(columns), refused_(refused), under_way_(under_way) {}

  struct outcome {
    double interval_s = std::numeric_limits<double>::infinity();  ///< from one result to the next
    double unevenness = std::numeric_limits<double>::infinity();  ///< sum of the squares of what hosts are busy

    /// Clearly better: by its interval, or as fast and more even, which lets the next change shorten the interval.
    bool better_than(const outcome& other) const {
      constexpr double least = 1e-3, equal = 1e-9;
      return interval_s < other.interval_s * (1 - least) ||
             (interval_s <= other.interval_s * (1 + equal) && unevenness < other.unevenness * (1 - least));
    }
  };

  /// Parts of one host take turns. Infinite when a host has no memory for its parts.
  outcome outcome_of(const assignment& at) const {
    loads_.assign(columns_.size(), {});
    double step = 0, longest = 0;
    for (std::size_t part = 0; part < at.size(); ++part) {
      const host_column& column = columns_[at[part]];
      const planned_part& here = column.parts[part];
      auto& [seconds, bytes] = loads_[at[part]];
      seconds += here.compute_s;
      bytes += here.memory_bytes;
      if (bytes > column.memory_bytes) return {};
      const double sending = static_cast<double>(std::max(here.bytes_in, here.bytes_out)) / column.link.bytes_per_s;
      longest = std::max({longest, seconds, sending});
      step += here.compute_s + here.transfer_s;
    }
    outcome made{std::max(longest, step / under_way_), 0};
    for (const auto& [seconds, bytes] : loads_) made.unevenness += seconds * seconds;
    return made;
  }

  /// Moves a part to one of the `targets`, or has two parts change places, as long as results come faster for it. Only
  /// parts of the busiest and of the slowest host are looked at: those that something can be gained with.
  void improve(assignment& at, const std::vector<std::size_t>& targets, std::size_t slowest) const {
    constexpr int changes_max = 32;
    outcome now = outcome_of(at);
    for (int change = 0; change < changes_max; ++change) {
      assignment best = at;
      outcome reached = now;
      const auto consider = [&](const assignment& other) {
        const outcome next = outcome_of(other);
        if (!next.better_than(reached)) return;
        best = other;
        reached = next;
      };
      const std::size_t busiest = busiest_of(at);
      for (std::size_t part = 0; part < at.size(); ++part) {
        if (at[part] != busiest && at[part] != slowest) continue;
        assignment other = at;
        for (const std::size_t target : targets) {
          if (target == at[part] || !may_be(part, target)) continue;
          other[part] = target;
          consider(other);
        }
        for (std::size_t with = 0; with < at.size(); ++with) {
          if (at[with] == at[part] || !may_be(part, at[with]) || !may_be(with, at[part])) continue;
          other[part] = at[with];
          other[with] = at[part];
          consider(other);
          other[with] = at[with];
        }
      }
      if (best == at) return;
      at = best;
      now = reached;
    }
  }

private:
  bool may_be(std::size_t part, std::size_t column) const {
    return !refused_(static_cast<std::uint32_t>(part), columns_[column].host);
  }
  std::size_t busiest_of(const assignment& at) const {
    std::vector<double> seconds(columns_.size(), 0);
    for (std::size_t part = 0; part < at.size(); ++part) seconds[at[part]] += columns_[at[part]].parts[part].compute_s;
    return static_cast<std::size_t>(std::max_element(seconds.begin(), seconds.end()) - seconds.begin());
  }

  const std::vector<host_column>& columns_;
  const refusal& refused_;
  double under_way_;
  mutable std::vector<std::pair<double, std::uint64_t>> loads_;  ///< seconds and bytes, by column
};

}  // namespace

void live_plan::host_known(std::uint32_t host, planning_node node) {
  if (!by_ability() || !node.unusable.empty()) return;
  nodes_.insert_or_assign(host, std::move(node));
  newcomer_ = true;
}

std::optional<planning_node> live_plan::node_of(std::uint32_t host) const {
  if (!by_ability()) return any_node();
  const auto found = nodes_.find(host);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

/// How slow the hosts of all parts are, as far as it is known what they reach. False when there is nothing to act on.
bool live_plan::measure(const std::vector<std::uint32_t>& at, time_point now) {
  std::map<std::uint32_t, std::pair<double, double>> seconds;  // measured and expected
  for (std::uint32_t part = 0; part < at.size(); ++part) {
    if (!times_[part].known() || !(times_[part].median() > 0)) return false;
    const auto node = node_of(at[part]);
    if (!node) continue;
    auto& [measured, expected] = seconds[at[part]];
    const auto& first = layout_->basis->first;
    const std::size_t last = part + 1 < first.size() ? first[part + 1] : layout_->basis->costs.pieces();
    measured += times_[part].median();
    expected += predict_seconds(layout_->basis->costs, first[part], last, node->ability) + node->ability.run_s;
  }
  if (seconds.empty()) return false;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const auto& [host, taken] : seconds) {
    const double factor = taken.first / taken.second;
    slower_[host] = {factor, now};
    least = std::min(least, factor);
    most = std::max(most, factor);
  }
  std::erase_if(slower_, [&](const auto& each) { return now - each.second.seen > remembered; });
  return std::exchange(newcomer_, false) || most >= least * apart;
}

std::vector<part_move> live_plan::better(const std::vector<std::uint32_t>& at, const std::vector<std::uint32_t>& wanted,
                                         const refusal& refused, time_point now) {
  if (!due(now)) return {};
  looked_ = now;
  if (!measure(at, now)) return {};

  // A host that has had no part is taken to be as good as the best.
  const plan_basis& basis = *layout_->basis;
  const auto slower = [](const auto& a, const auto& b) { return a.second.factor < b.second.factor; };
  const double least = std::min_element(slower_.begin(), slower_.end(), slower)->second.factor;
  const auto factor_of = [&](std::uint32_t host) {
    const auto known = slower_.find(host);
    return known == slower_.end() ? least : known->second.factor;
  };
  std::vector<host_column> columns;
  std::map<std::uint32_t, std::size_t> numbers;  // of the hosts' columns
  const auto add = [&](std::uint32_t host) {
    const auto node = by_ability() ? node_of(host) : std::optional(any_node(least));
    if (!node || numbers.count(host)) return;
    auto column = column_of(basis, host, *node, by_ability() ? factor_of(host) : factor_of(host) / least);
    if (!column) return;
    numbers.emplace(host, columns.size());
    columns.push_back(std::move(*column));
  };
  assignment present;
  std::set<std::uint32_t> unknown;  // hosts whose parts stay, and that get no others
  std::uint32_t slowest = at[0];
  for (std::uint32_t part = 0; part < at.size(); ++part) {
    const std::uint32_t host = at[part];
    add(host);
    if (numbers.try_emplace(host, columns.size()).second) {
      unknown.insert(host);
      columns.push_back({host, {}, std::numeric_limits<std::uint64_t>::max(), std::vector<planned_part>(at.size())});
    }
    present.push_back(numbers.at(host));
    if (unknown.count(host)) columns[present.back()].parts[part].compute_s = times_[part].median();
    if (factor_of(host) > factor_of(slowest)) slowest = host;
  }
  const refusal stays = [&](std::uint32_t part, std::uint32_t host) {
    return unknown.count(at[part]) || unknown.count(host) || refused(part, host);
  };
  std::vector<std::size_t> targets;
  for (const std::uint32_t host : wanted) {
    add(host);
    if (const auto found = numbers.find(host); found != numbers.end()) targets.push_back(found->second);
  }

  const double under_way = static_cast<double>(basis.options.in_flight ? basis.options.in_flight : at.size() + 1);
  const assignment_search search(columns, stays, under_way);
  assignment next = present;
  search.improve(next, targets, numbers.at(slowest));
  const double before = search.outcome_of(present).interval_s, after = search.outcome_of(next).interval_s;
  double cost_s = layout_->stateful ? states_s : 0;
  std::vector<part_move> moves;
  for (std::uint32_t part = 0; part < at.size(); ++part) {
    if (next[part] == present[part]) continue;
    const host_column& column = columns[next[part]];
    cost_s += loading_s + static_cast<double>(column.parts[part].weight_bytes) / column.link.bytes_per_s;
    moves.push_back({part, column.host});
  }
  if (moves.empty()) return {};  // also when nobody has the memory, and both are infinite
  if (after > before * worthwhile || before - after < gain_least_s || horizon_s * (1 - after / before) < cost_s)
    return {};
  for (step_times& each : times_) each = {};  // parts on one host slow each other down
  return moves;
}

}  // namespace troupe
