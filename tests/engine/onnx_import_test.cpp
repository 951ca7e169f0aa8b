#include "troupe/engine/onnx_import.hpp"

#include <functional>

#include "support/check.hpp"
#include "support/onnx_builder.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/engine/operators.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using proto = onnx::TensorProto;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

graph imported(const onnx::ModelProto& model) {
  return need(import_onnx(bytes_of(model)));
}

error refusal(const onnx::ModelProto& model) {
  const auto made = import_onnx(bytes_of(model));
  REQUIRE(!made);
  return made.error();
}

/// y = Relu(x + w), with x: [batch, 2].
onnx::ModelProto small_model() {
  onnx::ModelProto model = empty_model();
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "x", proto::FLOAT, {-1, 2});
  main.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param("batch");
  describe(*main.add_output(), "y", proto::FLOAT, {-1, 2});
  add_floats(model, "w", {2}, {1.5f, -2.5f});
  add_node(model, "Add", {"x", "w"}, {"sum"});
  add_node(model, "Relu", {"sum"}, {"y"});
  return model;
}

}  // namespace

TEST_CASE("a model arrives with its names, types, shapes, weights and notes") {
  onnx::ModelProto model = small_model();
  auto& note = *model.add_metadata_props();
  note.set_key("labels");
  note.set_value("cat\ndog");
  const graph made = imported(model);
  need(validate(made));
  CHECK(made.name == "main");
  REQUIRE(made.inputs.size() == 1);
  CHECK(made.values[made.inputs[0]].describe() == "float32[batch,2]");
  REQUIRE(made.outputs.size() == 1);
  CHECK(made.values[made.outputs[0]].name == "y");
  REQUIRE(made.nodes.size() == 2);
  CHECK(made.nodes[0].describe() == "Add \"sum_node\"");
  CHECK(made.nodes[0].version == 13);
  REQUIRE(made.constants.size() == 1);
  CHECK(made.constants.begin()->second.as<float>()[1] == -2.5f);
  CHECK(made.metadata.at("labels") == "cat\ndog");
  CHECK(made.metadata.at("producer") == "troupe tests");
}

TEST_CASE("attributes of every kind arrive") {
  onnx::ModelProto model = small_model();
  auto& step = *model.mutable_graph()->mutable_node(0);
  add_attribute(step, "f", onnx::AttributeProto::FLOAT).set_f(0.5f);
  add_attribute(step, "i", onnx::AttributeProto::INT).set_i(-7);
  add_attribute(step, "s", onnx::AttributeProto::STRING).set_s("SAME_UPPER");
  add_attribute(step, "fs", onnx::AttributeProto::FLOATS).add_floats(2.0f);
  add_attribute(step, "is", onnx::AttributeProto::INTS).add_ints(3);
  add_attribute(step, "empty", onnx::AttributeProto::INTS);
  add_attribute(step, "ss", onnx::AttributeProto::STRINGS).add_strings("a");
  auto& held = *add_attribute(step, "t", onnx::AttributeProto::TENSOR).mutable_t();
  held.set_data_type(proto::INT64);
  held.add_int64_data(9);
  // Files of the oldest kind do not say which field counts.
  add_attribute(step, "old", onnx::AttributeProto::INT).set_i(5);
  step.mutable_attribute(step.attribute_size() - 1)->clear_type();
  const graph made = imported(model);
  const node& add = made.nodes[0];
  CHECK(add.float_or("f", 0) == 0.5f);
  CHECK(add.int_or("i", 0) == -7);
  CHECK(add.string_or("s", "") == "SAME_UPPER");
  CHECK(std::get<std::vector<float>>(add.attributes.at("fs")) == std::vector<float>{2.0f});
  CHECK(*add.ints("is") == std::vector<std::int64_t>{3});
  CHECK(add.ints("empty")->empty());
  CHECK(std::get<std::vector<std::string>>(add.attributes.at("ss")) == std::vector<std::string>{"a"});
  CHECK(add.tensor_attribute("t")->as<std::int64_t>()[0] == 9);
  CHECK(add.int_or("old", 0) == 5);
}

TEST_CASE("Constant nodes of all forms become constants") {
  onnx::ModelProto model = empty_model();
  const auto constant = [&](const std::string& output, const std::string& name,
                            onnx::AttributeProto::AttributeType type) -> onnx::AttributeProto& {
    describe(*model.mutable_graph()->add_output(), output, output[0] == 'f' ? proto::FLOAT : proto::INT64, {});
    return add_attribute(add_node(model, "Constant", {}, {output}), name, type);
  };
  constant("f", "value_float", onnx::AttributeProto::FLOAT).set_f(0.25f);
  constant("fs", "value_floats", onnx::AttributeProto::FLOATS).add_floats(4.0f);
  constant("i", "value_int", onnx::AttributeProto::INT).set_i(-3);
  constant("is", "value_ints", onnx::AttributeProto::INTS);
  auto& held = *constant("t", "value", onnx::AttributeProto::TENSOR).mutable_t();
  held.set_data_type(proto::INT64);
  held.add_dims(2);
  held.add_int64_data(1);
  held.add_int64_data(2);
  const graph made = imported(model);
  CHECK(made.nodes.empty());
  std::vector<std::string> described;
  for (const value_id id : made.outputs) described.push_back(made.constants.at(id).describe());
  CHECK(described == std::vector<std::string>{"float32[]", "float32[1]", "int64[]", "int64[0]", "int64[2]"});

  onnx::ModelProto text = empty_model();
  describe(*text.mutable_graph()->add_output(), "y", proto::FLOAT, {});
  add_attribute(add_node(text, "Constant", {}, {"y"}), "value_string", onnx::AttributeProto::STRING).set_s("hello");
  CHECK(refusal(text).code() == errc::unsupported);
  CHECK(contains(refusal(text).to_string(), "value_string"));
}

TEST_CASE("weights in typed fields equal weights in raw bytes") {
  struct form {
    int type;
    std::string described;
    std::function<void(proto&)> fill;
  };
  const std::vector<form> forms{
      {proto::FLOAT, "float32[2]",
       [](proto& p) {
         p.add_float_data(1);
         p.add_float_data(2);
       }},
      {proto::DOUBLE, "float64[2]",
       [](proto& p) {
         p.add_double_data(1);
         p.add_double_data(2);
       }},
      {proto::INT32, "int32[2]",
       [](proto& p) {
         p.add_int32_data(1);
         p.add_int32_data(2);
       }},
      {proto::INT64, "int64[2]",
       [](proto& p) {
         p.add_int64_data(1);
         p.add_int64_data(2);
       }},
      {proto::INT8, "int8[2]",
       [](proto& p) {
         p.add_int32_data(1);
         p.add_int32_data(2);
       }},
      {proto::UINT8, "uint8[2]",
       [](proto& p) {
         p.add_int32_data(1);
         p.add_int32_data(2);
       }},
      {proto::FLOAT16, "float16[2]",
       [](proto& p) {
         p.add_int32_data(0x3c00);
         p.add_int32_data(0x4000);
       }},
      {proto::BOOL, "bool[2]",
       [](proto& p) {
         p.add_int32_data(1);
         p.add_int32_data(1);
       }},
  };
  const temporary_folder folder;
  for (const form& each : forms) {
    CAPTURE(each.described);
    proto data;
    data.set_data_type(each.type);
    data.add_dims(2);
    each.fill(data);
    const tensor typed = need(read_tensor_proto(folder.write("typed.pb", bytes_of(data))));
    CHECK(typed.describe() == each.described);
    const tensor wide = need(convert(typed, dtype::f64));
    CHECK(wide.as<double>()[0] == 1);
    CHECK(wide.as<double>()[1] == (each.type == proto::BOOL ? 1 : 2));
    proto raw;
    raw.set_data_type(each.type);
    raw.add_dims(2);
    raw.set_raw_data(typed.bytes().data(), typed.bytes().size());
    CHECK(bitwise_equal(need(read_tensor_proto(folder.write("raw.pb", bytes_of(raw)))), typed));
    data.add_dims(2);  // four elements are promised now
    CHECK(!read_tensor_proto(folder.write("short.pb", bytes_of(data))));
    raw.set_dims(0, 3);
    CHECK(!read_tensor_proto(folder.write("short.pb", bytes_of(raw))));
    raw.set_dims(0, -2);
    CHECK(!read_tensor_proto(folder.write("negative.pb", bytes_of(raw))));
    raw.set_dims(0, std::int64_t{1} << 62);
    CHECK(!read_tensor_proto(folder.write("huge.pb", bytes_of(raw))));
  }
}

TEST_CASE("values that do not fit their narrow type are refused") {
  onnx::ModelProto model = small_model();
  auto& data = *model.mutable_graph()->add_initializer();
  data.set_name("bytes");
  data.add_dims(1);
  for (const auto& [type, value] :
       {std::pair{proto::INT8, 128}, {proto::UINT8, -1}, {proto::BOOL, 2}, {proto::FLOAT16, 65536}}) {
    data.set_data_type(type);
    data.clear_int32_data();
    data.add_int32_data(value);
    CHECK(contains(refusal(model).to_string(), "reading the weights \"bytes\""));
  }
}

TEST_CASE("booleans in raw bytes become 0 or 1") {
  const temporary_folder folder;
  proto data;
  data.set_data_type(proto::BOOL);
  data.add_dims(3);
  data.set_raw_data(std::string("\x00\x01\xff", 3));
  const tensor read = need(read_tensor_proto(folder.write("x.pb", bytes_of(data))));
  CHECK(std::to_integer<int>(read.bytes()[2]) == 1);
}

TEST_CASE("element types that Troupe lacks are refused by name, with the tensor") {
  for (const auto& [type, name] : {std::pair<int, std::string>{proto::STRING, "string"},
                                   {proto::BFLOAT16, "bfloat16"},
                                   {proto::COMPLEX64, "complex64"},
                                   {22, "int4"},
                                   {99, "number 99"}}) {
    onnx::ModelProto weights = small_model();
    weights.mutable_graph()->mutable_initializer(0)->set_data_type(type);
    const error of_weights = refusal(weights);
    CHECK(of_weights.code() == errc::unsupported);
    CHECK(contains(of_weights.to_string(), name));
    CHECK(contains(of_weights.to_string(), "\"w\""));
    onnx::ModelProto input = small_model();
    input.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    CHECK(refusal(input).code() == errc::unsupported);
    CHECK(contains(refusal(input).to_string(), "reading the input \"x\""));
  }
}

TEST_CASE("versions outside the supported range are refused with their number") {
  for (const std::int64_t opset : {0, 26, -1}) {
    const error refused = refusal([&] {
      onnx::ModelProto model = small_model();
      model.mutable_opset_import(0)->set_version(opset);
      return model;
    }());
    CHECK(refused.code() == errc::unsupported);
    CHECK(contains(refused.to_string(), "version " + std::to_string(opset)));
  }
  for (const std::int64_t opset : {7, 13, 25}) {
    onnx::ModelProto model = small_model();
    model.mutable_opset_import(0)->set_version(opset);
    CHECK(imported(model).nodes[0].version == opset);
  }
  onnx::ModelProto future = small_model();
  future.set_ir_version(99);
  CHECK(contains(refusal(future).to_string(), "IR version 99"));
  onnx::ModelProto none = small_model();
  none.clear_opset_import();
  CHECK(contains(refusal(none).to_string(), "does not import"));
}

TEST_CASE("initializers that are inputs as well are constants") {
  onnx::ModelProto model = small_model();
  model.set_ir_version(3);
  describe(*model.mutable_graph()->add_input(), "w", proto::FLOAT, {2});
  const graph made = imported(model);
  CHECK(made.inputs.size() == 1);
  CHECK(made.constants.size() == 1);
}

TEST_CASE("nodes in the wrong order are sorted, and others keep the file's order") {
  onnx::ModelProto model = small_model();
  model.mutable_graph()->mutable_node()->SwapElements(0, 1);
  const graph made = imported(model);
  CHECK(made.nodes[0].op == "Add");
  CHECK(made.nodes[1].op == "Relu");
}

TEST_CASE("a cycle is refused and a node on it is named") {
  onnx::ModelProto model = small_model();
  add_node(model, "Add", {"x", "b"}, {"a"});
  add_node(model, "Relu", {"a"}, {"b"});
  add_node(model, "Relu", {"b"}, {"after"});
  const std::string text = refusal(model).to_string();
  CHECK(contains(text, "cycle"));
  CHECK((contains(text, "\"a_node\"") || contains(text, "\"b_node\"")));
  onnx::ModelProto self = small_model();
  add_node(self, "Relu", {"own"}, {"own"});
  CHECK(contains(refusal(self).to_string(), "\"own_node\""));
}

TEST_CASE("names that nothing makes, or two things make, are refused") {
  onnx::ModelProto dangling = small_model();
  dangling.mutable_graph()->mutable_node(0)->set_input(1, "nowhere");
  CHECK(contains(refusal(dangling).to_string(), "\"nowhere\""));
  onnx::ModelProto output = small_model();
  output.mutable_graph()->mutable_output(0)->set_name("nobody");
  CHECK(contains(refusal(output).to_string(), "\"nobody\""));
  onnx::ModelProto twice = small_model();
  add_node(twice, "Relu", {"x"}, {"y"});
  CHECK(contains(refusal(twice).to_string(), "\"y\" is made more than once"));
  onnx::ModelProto weight = small_model();
  add_floats(weight, "w", {1}, {1});
  CHECK(contains(refusal(weight).to_string(), "\"w\" is made more than once"));
  onnx::ModelProto attribute_twice = small_model();
  for (int i = 0; i < 2; ++i)
    add_attribute(*attribute_twice.mutable_graph()->mutable_node(0), "axis", onnx::AttributeProto::INT).set_i(i);
  CHECK(contains(refusal(attribute_twice).to_string(), "\"axis\" is given twice"));
  onnx::ModelProto ours = small_model();
  add_attribute(*ours.mutable_graph()->mutable_node(0), "troupe_fused", onnx::AttributeProto::INT).set_i(1);
  CHECK(contains(refusal(ours).to_string(), "\"troupe_fused\" has a name that Troupe keeps for itself"));
}

TEST_CASE("names that are not printable UTF-8 are refused and never shown") {
  for (const std::string& name : {std::string("a\nb"), std::string("\xff\xfe"), std::string("\xc0\xaf"),
                                  std::string("\xed\xa0\x80"), std::string("nul\0l", 5), std::string(5000, 'n')}) {
    onnx::ModelProto value = small_model();
    value.mutable_graph()->mutable_node(1)->set_output(0, name);
    value.mutable_graph()->mutable_output(0)->set_name(name);
    CHECK(!contains(refusal(value).to_string(), name));
    onnx::ModelProto op = small_model();
    op.mutable_graph()->mutable_node(1)->set_op_type(name);
    CHECK(!contains(refusal(op).to_string(), name));
  }
  onnx::ModelProto model = small_model();
  model.mutable_graph()->mutable_node(1)->set_name("größe/層:0");
  CHECK(imported(model).nodes[1].name == "größe/層:0");
}

TEST_CASE("a body that gives nothing is refused by name") {
  onnx::ModelProto model = small_model();
  add_attribute(add_node(model, "If", {"x"}, {"z"}), "then_branch", onnx::AttributeProto::GRAPH).mutable_g();
  CHECK(contains(refusal(model).to_string(), "\"then_branch\" of If"));
  CHECK(contains(refusal(model).to_string(), "no output"));
}

TEST_CASE("other domains are kept by name, functions and sparse weights refused") {
  onnx::ModelProto model = small_model();
  add_node(model, "Gelu", {"x"}, {"z"}).set_domain("com.microsoft");
  CHECK(contains(refusal(model).to_string(), "com.microsoft"));
  auto& opset = *model.add_opset_import();
  opset.set_domain("com.microsoft");
  opset.set_version(1);
  const auto checked = check_operators(imported(model), builtin_operators());
  REQUIRE(!checked);
  CHECK(contains(checked.error().message(), "com.microsoft.Gelu (opset 1)"));

  onnx::ModelProto functions = small_model();
  functions.add_functions()->set_name("attention_block");
  CHECK(refusal(functions).code() == errc::unsupported);
  CHECK(contains(refusal(functions).to_string(), "attention_block"));
  onnx::ModelProto sparse = small_model();
  sparse.mutable_graph()->add_sparse_initializer();
  CHECK(refusal(sparse).code() == errc::unsupported);
}

TEST_CASE("a node without a name is known by what it makes") {
  onnx::ModelProto model = small_model();
  model.mutable_graph()->mutable_node(0)->clear_name();
  CHECK(imported(model).nodes[0].describe() == "Add \"sum\"");
}

TEST_CASE("hints about inner values are taken where they are understood") {
  onnx::ModelProto model = small_model();
  describe(*model.mutable_graph()->add_value_info(), "sum", proto::FLOAT, {-1, 2});
  describe(*model.mutable_graph()->add_value_info(), "unknown", proto::FLOAT, {2});
  const graph made = imported(model);
  CHECK(made.values[made.nodes[0].outputs[0]].describe() == "float32[?,2]");
  model.mutable_graph()->mutable_value_info(0)->mutable_type()->mutable_tensor_type()->set_elem_type(proto::COMPLEX64);
  const graph other = imported(model);
  CHECK(!other.values[other.nodes[0].outputs[0]].type_known);
}
