// ONNX models made in memory, so that tests need no files.
#pragma once

#include "import/onnx_protobuf.hpp"

#include <span>
#include <string>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe::test {

/// A model with opset 13 and nothing in it; the graph lies at `proto.mutable_graph()`.
inline onnx::ModelProto empty_model(std::int64_t opset = 13) {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.set_producer_name("troupe tests");
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("main");
  return model;
}

/// An extent of -1 is left out.
inline void describe(onnx::ValueInfoProto& info, const std::string& name, int type,
                     const std::vector<std::int64_t>& extents) {
  info.set_name(name);
  auto* tensor_type = info.mutable_type()->mutable_tensor_type();
  tensor_type->set_elem_type(type);
  tensor_type->mutable_shape();
  for (const auto extent : extents) {
    auto* axis = tensor_type->mutable_shape()->add_dim();
    if (extent >= 0) axis->set_dim_value(extent);
  }
}

inline onnx::NodeProto& add_node(onnx::ModelProto& model, const std::string& op, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs) {
  auto& step = *model.mutable_graph()->add_node();
  step.set_op_type(op);
  step.set_name(outputs.empty() ? op : outputs.front() + "_node");
  for (const auto& name : inputs) step.add_input(name);
  for (const auto& name : outputs) step.add_output(name);
  return step;
}

inline onnx::TensorProto& add_floats(onnx::ModelProto& model, const std::string& name,
                                     const std::vector<std::int64_t>& extents, const std::vector<float>& values) {
  auto& data = *model.mutable_graph()->add_initializer();
  data.set_name(name);
  data.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto extent : extents) data.add_dims(extent);
  data.set_raw_data(values.data(), values.size() * sizeof(float));
  return data;
}

inline onnx::AttributeProto& add_attribute(onnx::NodeProto& step, const std::string& name,
                                           onnx::AttributeProto::AttributeType type) {
  auto& made = *step.add_attribute();
  made.set_name(name);
  made.set_type(type);
  return made;
}

inline std::vector<std::byte> bytes_of(const google::protobuf::MessageLite& message) {
  const std::string text = message.SerializeAsString();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace troupe::test
