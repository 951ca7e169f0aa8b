// What can be said about a graph's work and values before its inputs are known.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "troupe/engine/model_costs.hpp"

namespace troupe {

struct prediction {
  /// For each node, in bytes moved or what takes as long: at least 1.
  std::vector<std::uint64_t> work;
  /// For each node, what that consists of.
  std::vector<operator_cost> costs;
  /// For each value, its elements with unknown extents taken as 1; at least 1.
  std::vector<std::uint64_t> elements;
  /// For each value, as inferred; nothing when it is not known before the run.
  std::vector<std::optional<dtype>> types;
  /// For each value, its shape if that is the same for all inputs that the model takes.
  std::vector<std::optional<shape>> dims;
  /// For each value, whether a device kernel makes it, so that it has a device's rounding already.
  std::vector<bool> made_on_device;
};

/// Never fails: where shapes cannot be inferred, work is predicted from the sizes of weights. `storage` is how devices
/// keep floating-point values.
prediction predict(const graph& model, const operator_table& operators, dtype storage = dtype::f16);

}  // namespace troupe
