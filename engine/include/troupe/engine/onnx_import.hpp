// ONNX files to graphs. Nothing in the file is believed before it is checked.
#pragma once

#include <filesystem>
#include <span>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Reads an ONNX model (opset 1 to 25, IR version 3 to 13) and its external data, which may lie only inside the
/// model's folder. The graph is valid (`validate`), in order, and holds its nodes as the file has them, except that
/// Constant nodes have become constants and nodes from before opset 7 are written as that opset has them. Whether
/// Troupe can run the nodes is `check_operators`'s question.
result<graph> import_onnx(const std::filesystem::path& file);

/// The same from memory; `folder` is where external data may lie (empty: a model with external data is refused).
result<graph> import_onnx(std::span<const std::byte> bytes, const std::filesystem::path& folder = {});

/// Reads one ONNX TensorProto (a `.pb` file of a test data set).
result<tensor> read_tensor_proto(const std::filesystem::path& file);

}  // namespace troupe
