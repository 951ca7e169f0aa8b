// TensorProto and ONNX's element types.
#pragma once

#include "import/onnx_protobuf.hpp"

#include "import/external_data.hpp"
#include "troupe/engine/tensor.hpp"

namespace troupe {

/// The dtype for a TensorProto::DataType, or an `unsupported` error with the type's ONNX name.
result<dtype> from_onnx_type(int data_type);

/// Takes the contents out of `proto` (large ones without a copy). Every length is checked against `dims`.
result<tensor> take_tensor(onnx::TensorProto& proto, external_data& external);

}  // namespace troupe
