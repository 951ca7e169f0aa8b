// AttributeProto to attribute.
#pragma once

#include "import/onnx_protobuf.hpp"

#include <optional>

#include "import/external_data.hpp"
#include "troupe/engine/graph.hpp"

namespace troupe {

/// Whether the attribute is a graph: a body, which only the importer of the graph around it understands.
bool is_body(const onnx::AttributeProto& proto);

/// Nothing for a kind that no operator of Troupe has: lists of graphs, sparse tensors, types. The node keeps its place,
/// and `check_operators` names it.
result<std::optional<attribute>> take_attribute(onnx::AttributeProto& proto, external_data& external);

/// The tensor that a Constant node stands for.
result<tensor> constant_of(const node& step);

}  // namespace troupe
