// Cuts a graph into consecutive parts for a pipeline of shards.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// Cuts `model` into `stages` consecutive parts of about equal predicted work (unknown extents count as 1): the largest
/// part is within 5 % of the smallest possible, and among those cuts the one that moves the fewest bytes is taken.
///
/// Part k+1 takes exactly what part k gives, in order: values that a later part or the caller needs are passed through.
/// A cut changes no bit of what devices compute:
/// * Floating-point values that a kernel made are given as `storage`: they travel as they lie in device memory. The
///   part that computes with one declares its input with the value's own type, for which it takes any floating-point
///   type, so that its nodes see the types that they would see in the whole model.
/// * Inputs of the model and values made on the host travel in their own type.
/// * The last part gives the outputs of the model in their declared types, also those that earlier parts made.
///
/// Constants and states go to the parts that use them. Fails when the graph has fewer nodes than `stages`, not
/// counting those that constants alone determine.
result<std::vector<graph>> cut_pipeline(const graph& model, std::size_t stages, const operator_table& operators,
                                        dtype storage = dtype::f16);

/// The same for cuts that somebody else chose (`plan_pipeline`): part k begins with piece `first[k]` of
/// `predict_costs`. `first` rises and begins with 0; an error otherwise.
result<std::vector<graph>> cut_pipeline_at(const graph& model, const std::vector<std::size_t>& first,
                                           const operator_table& operators, dtype storage = dtype::f16);

/// The cuts that `cut_pipeline` makes, as first pieces.
result<std::vector<std::size_t>> even_cuts(const graph& model, std::size_t stages, const operator_table& operators,
                                           dtype storage = dtype::f16);

/// Has the float16 values that cross the cuts between these parts, as `cut_pipeline` made them, travel as int8 with a
/// fp32 scale for each row (along the last axis, and those before it where that is short, but never the first): about
/// half the bytes. At the first cut that a value crosses it changes by up to 1/254 of its row's largest magnitude;
/// later cuts pass it on as it came. Everything else travels as before: integers, other types, inputs of the model,
/// results of the last part. It is part of the graphs, so that results do not depend on where parts are placed; they do
/// on where the model is cut.
result<void> compress_cuts(std::vector<graph>& parts);

}  // namespace troupe
