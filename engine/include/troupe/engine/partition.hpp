// Cuts a graph into consecutive parts for a pipeline of shards.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// Cuts `model` into `stages` consecutive parts of about equal predicted work (unknown extents count as 1). Part k+1
/// takes exactly what part k gives, in order: values that a later part or the caller needs are passed through.
/// Floating-point values that a node made and that cross a cut are declared `storage`, so that they travel as they lie
/// in device memory and a cut changes no bit. Fails when the graph has fewer nodes than `stages`.
result<std::vector<graph>> cut_pipeline(const graph& model, std::size_t stages, const operator_table& operators,
                                        dtype storage = dtype::f16);

}  // namespace troupe
