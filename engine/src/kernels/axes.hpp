// Lists of axes as ONNX gives them.
#pragma once

#include <span>
#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// `axes` within a tensor of rank `rank`, each in [0, rank), in the given order. Fails for one outside [-rank, rank)
/// and for one that comes twice.
result<std::vector<std::size_t>> normalize_axes(const node& step, std::span<const std::int64_t> axes, std::size_t rank);

}  // namespace troupe
