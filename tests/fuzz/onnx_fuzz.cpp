// ONNX models.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz_target.hpp"
#include "support/onnx_builder.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe::test {
namespace {

using proto = onnx::TensorProto;

onnx::ModelProto one_layer() {
  onnx::ModelProto model = empty_model();
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "x", proto::FLOAT, {-1, 8});
  describe(*main.add_output(), "y", proto::FLOAT, {-1, 8});
  add_floats(model, "w", {8, 8}, std::vector<float>(64, 0.5f));
  add_node(model, "Gemm", {"x", "w"}, {"y"});
  return model;
}

/// Weights that are said to lie in another file.
std::vector<std::byte> external(const std::string& location, const std::string& offset, const std::string& length) {
  onnx::ModelProto model = one_layer();
  auto& data = *model.mutable_graph()->mutable_initializer(0);
  data.clear_raw_data();
  data.set_data_location(proto::EXTERNAL);
  for (const auto& [key, value] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
    auto& entry = *data.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return bytes_of(model);
}

std::vector<std::byte> with_extents(const std::vector<std::int64_t>& extents) {
  onnx::ModelProto model = one_layer();
  auto& data = *model.mutable_graph()->mutable_initializer(0);
  data.clear_dims();
  for (const auto extent : extents) data.add_dims(extent);
  return bytes_of(model);
}

/// A body within a body, and so on.
std::vector<std::byte> nested(int levels) {
  onnx::ModelProto model = one_layer();
  auto* inside = model.mutable_graph();
  for (int level = 0; level < levels; ++level) {
    auto& step = *inside->add_node();
    step.set_op_type("If");
    step.add_input("x");
    step.add_output("z" + std::to_string(level));
    auto& body = *step.add_attribute();
    body.set_name("then_branch");
    body.set_type(onnx::AttributeProto::GRAPH);
    inside = body.mutable_g();
  }
  return bytes_of(model);
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  std::vector<fuzz_seed> seeds{{"one_layer", bytes_of(one_layer())}};
  std::ifstream file(std::filesystem::path(TROUPE_SOURCE_DIR) / "sample_apps/models/digits.onnx", std::ios::binary);
  const std::string digits{std::istreambuf_iterator<char>(file), {}};
  seeds.push_back({"digits", to_bytes(digits)});
  // Paths out of the model's folder (CVE-2022-25882, CVE-2024-27318, CVE-2025-51480, CVE-2026-27489, -34447), sizes
  // that do not agree with shapes, and nodes without the inputs that they need (CVE-2024-27319, CVE-2026-44512).
  seeds.push_back({"path_above", external("../../../../etc/passwd", "0", "256")});
  seeds.push_back({"path_absolute", external("/etc/passwd", "0", "256")});
  seeds.push_back({"path_below_above", external("a/../../b", "0", "256")});
  seeds.push_back({"path_empty", external("", "0", "256")});
  seeds.push_back({"offset_negative", external("w.bin", "-1", "256")});
  seeds.push_back({"length_huge", external("w.bin", "18446744073709551615", "18446744073709551615")});
  seeds.push_back({"extents_overflow", with_extents({std::int64_t{1} << 32, std::int64_t{1} << 32})});
  seeds.push_back({"extents_negative", with_extents({-8, -8})});
  seeds.push_back({"extents_of_zero", with_extents({0, 8})});
  seeds.push_back({"extents_without_end", with_extents(std::vector<std::int64_t>(1000, 1))});
  seeds.push_back({"bodies_in_bodies", nested(30)});
  onnx::ModelProto bare = one_layer();
  bare.mutable_graph()->mutable_node(0)->clear_input();
  seeds.push_back({"no_inputs", bytes_of(bare)});
  onnx::ModelProto circle = one_layer();
  add_node(circle, "Add", {"b", "x"}, {"a"});
  add_node(circle, "Add", {"a", "x"}, {"b"});
  seeds.push_back({"circle", bytes_of(circle)});
  onnx::ModelProto folding = one_layer();
  add_floats(folding, "count", {2}, {1e9f, 1e9f});
  add_node(folding, "Cast", {"count"}, {"extents"});
  add_attribute(*folding.mutable_graph()->mutable_node(1), "to", onnx::AttributeProto::INT).set_i(proto::INT64);
  add_node(folding, "ConstantOfShape", {"extents"}, {"filled"});
  seeds.push_back({"constant_of_terabytes", bytes_of(folding)});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  const auto made = import_onnx(input);
  if (!made) return false;
  fuzz_require(validate(*made).has_value(), "an imported graph is not valid");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 2 * input_bytes + (std::size_t{256} << 20);  // what the importer promises
}

}  // namespace troupe::test
