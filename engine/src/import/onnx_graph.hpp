// From a parsed ModelProto to a graph.
#pragma once

#include "import/external_data.hpp"
#include "import/onnx_protobuf.hpp"
#include "troupe/engine/graph.hpp"

namespace troupe {

/// Takes the weights out of `model` on the way. The result is in order and valid.
result<graph> take_graph(onnx::ModelProto& model, external_data& external);

}  // namespace troupe
