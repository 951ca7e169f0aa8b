#include "support/onnx_builder.hpp"
#include "support/reference_run.hpp"
#include "troupe/engine/onnx_import.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using proto = onnx::TensorProto;

/// y = a op b of operator set 6, where b is an input or a constant.
onnx::ModelProto binary_model(const std::string& op, const std::vector<std::int64_t>& a,
                              const std::vector<std::int64_t>& b, std::optional<std::int64_t> axis, bool constant) {
  onnx::ModelProto model = empty_model(6);
  model.set_ir_version(3);
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "a", proto::FLOAT, a);
  describe(*main.add_output(), "y", proto::FLOAT, a);
  if (constant) {
    const tensor data = random_tensor(need(shape::make(b)), 2);
    add_floats(model, "b", b, {data.as<float>().begin(), data.as<float>().end()});
  } else {
    describe(*main.add_input(), "b", proto::FLOAT, b);
  }
  auto& step = add_node(model, op, {"a", "b"}, {"y"});
  add_attribute(step, "broadcast", onnx::AttributeProto::INT).set_i(1);
  if (axis) add_attribute(step, "axis", onnx::AttributeProto::INT).set_i(*axis);
  return model;
}

bool runs(const graph& model) {
  return check_operators(model, builtin_operators()).has_value();
}

}  // namespace

TEST_CASE("broadcasting along a named axis means the same today") {
  const tensor a = random_tensor({2, 3, 4, 5}, 1);
  for (const bool constant : {false, true})
    for (const auto& [extents, axis, at] :
         {std::tuple{std::vector<std::int64_t>{3, 4}, std::optional<std::int64_t>(1), std::size_t{1}},
          {{2}, 0, 0},
          {{4, 5}, std::nullopt, 2},
          {{4}, -2, 2},
          {{5}, 3, 3},
          {{2, 3, 4, 5}, 0, 0}}) {
      CAPTURE(constant, extents, at);
      const tensor b = random_tensor(need(shape::make(extents)), 2);
      const graph model = need(import_onnx(bytes_of(binary_model("Sub", {2, 3, 4, 5}, extents, axis, constant))));
      REQUIRE(runs(model));
      std::vector<tensor> inputs{a};
      if (!constant) inputs.push_back(b);
      const auto y = reference_run(model, builtin_operators(), inputs);
      // Elements behind the second operand's axes share one of its elements.
      const auto behind = static_cast<std::size_t>(a.dims().elements(at + extents.size(), 4));
      for (std::size_t i = 0; i < a.elements(); ++i)
        REQUIRE(y[0].as<float>()[i] == a.as<float>()[i] - b.as<float>()[i / behind % b.elements()]);
    }
}

TEST_CASE("alignments that cannot be are refused, unknown ranks are left to the operator check") {
  CHECK(!import_onnx(bytes_of(binary_model("Add", {2, 3}, {3}, 2, true))));
  CHECK(!import_onnx(bytes_of(binary_model("Add", {2, 3}, {3}, -3, true))));
  onnx::ModelProto unknown = binary_model("Add", {2, 3}, {2}, 0, true);
  unknown.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  CHECK(!runs(need(import_onnx(bytes_of(unknown)))));
}

TEST_CASE("slopes for channels, shapes in attributes and inference flags are rewritten") {
  onnx::ModelProto model = empty_model(4);
  model.set_ir_version(3);
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "x", proto::FLOAT, {1, 2, 2, 2});
  describe(*main.add_output(), "y", proto::FLOAT, {8});
  add_floats(model, "slope", {2}, {10, 100});
  add_node(model, "PRelu", {"x", "slope"}, {"p"});
  add_attribute(add_node(model, "Dropout", {"p"}, {"d"}), "is_test", onnx::AttributeProto::INT).set_i(1);
  auto& extents = add_attribute(add_node(model, "Reshape", {"d"}, {"y"}), "shape", onnx::AttributeProto::INTS);
  extents.add_ints(-1);
  const graph made = need(import_onnx(bytes_of(model)));
  REQUIRE(runs(made));
  const std::vector<float> x{-1, 2, -3, 4, -5, 6, -7, 8}, expected{-10, 2, -30, 4, -500, 6, -700, 8};
  const auto y = reference_run(made, builtin_operators(), {need(tensor::from<float>({1, 2, 2, 2}, x))});
  CHECK(bitwise_equal(y[0], need(tensor::from<float>({8}, expected))));
  model.mutable_graph()->mutable_node(1)->mutable_attribute(0)->set_i(0);
  CHECK(!runs(need(import_onnx(bytes_of(model)))));
}
