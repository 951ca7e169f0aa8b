// The best way to give consecutive pieces of a model to some of a row of nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace troupe {

/// What one node needs for pieces, as sums over the first so many of them: one entry more than there are pieces.
struct stage_costs {
  std::vector<double> compute_s;
  double run_s = 0;                ///< of each stage besides its pieces
  std::vector<double> hop_s;       ///< that the node's link adds to a step when a stage begins or ends here
  std::vector<double> hop_busy_s;  ///< of these, the part during which the link can carry nothing else
  std::uint64_t memory_bytes = 0;  ///< that weights and states may take
};

/// A stage: pieces `first` to `last` - 1 on node `node`.
struct found_stage {
  std::size_t node = 0, first = 0, last = 0;
};

struct stage_limits {
  double stage_s = 0;      ///< what no stage's computing and no hop's sending may exceed
  double stage_bonus = 0;  ///< seconds by which each stage makes a plan better
  bool use_all = false;    ///< every node gets at least one piece
};

struct found_stages {
  double cost = 0;  ///< sum over the stages of computing and hops, less their bonus
  std::vector<found_stage> stages;
};

/// The stages of least cost within these limits; nothing when there are none. Nodes are used in this order, each for
/// one stage or none. `piece_bytes`: memory that pieces take, as sums. Dynamic programming over nodes and pieces: the
/// best first piece of a stage comes from a window that only moves to the right, so that time and memory grow with
/// nodes times pieces. Deterministic. `steps`, if there, counts the stages looked at.
std::optional<found_stages> search_stages(const std::vector<const stage_costs*>& nodes,
                                          const std::vector<std::uint64_t>& piece_bytes, const stage_limits& limits,
                                          std::uint64_t* steps = nullptr);

}  // namespace troupe
