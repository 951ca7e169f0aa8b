// Element types as attributes of nodes name them.
#pragma once

#include "troupe/engine/graph.hpp"

namespace troupe {

/// The type with this number in ONNX's TensorProto.DataType.
result<dtype> element_type_of(const node& step, std::int64_t number);

}  // namespace troupe
