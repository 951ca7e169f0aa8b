// How operators compute on slices. Each rule looks at one node of the model, appends what the slice computes for it,
// and says whether it could; a node that no rule takes is done by every slice on whole values.
#pragma once

#include "graph/partition/tensor/slice_builder.hpp"

namespace troupe::slice_rules {

bool is_onnx(const node& step, std::string_view op);
/// Does its work on any slice as on the whole: one result, all operands broadcast to it.
bool is_elementwise(const node& step);

// slice_products.cpp
bool dense(slice_builder& to, const node& step);
bool convolution(slice_builder& to, const node& step);
bool transposed_convolution(slice_builder& to, const node& step);

// slice_heads.cpp
bool attention(slice_builder& to, const node& step);
bool batched_product(slice_builder& to, const node& step);

// slice_pointwise.cpp
bool elementwise(slice_builder& to, const node& step);
bool channelwise(slice_builder& to, const node& step);
bool rowwise(slice_builder& to, const node& step);

// slice_layout.cpp
bool transpose(slice_builder& to, const node& step);
bool reshape(slice_builder& to, const node& step);
bool concat(slice_builder& to, const node& step);
bool select(slice_builder& to, const node& step);
bool reduction(slice_builder& to, const node& step);

}  // namespace troupe::slice_rules
