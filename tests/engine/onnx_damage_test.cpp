// Models that are cut off, damaged or made to do harm: the answer is a valid graph or an error.
#include <sys/resource.h>
#include <unistd.h>

#include "support/check.hpp"
#include "support/onnx_builder.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/engine/onnx_import.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using proto = onnx::TensorProto;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A chain of layers with one record of every kind that the importer reads.
onnx::ModelProto layered_model(int layers) {
  onnx::ModelProto model = empty_model();
  auto& main = *model.mutable_graph();
  describe(*main.add_input(), "x", proto::FLOAT, {-1, 8});
  std::string last = "x";
  random_source random(3);
  for (int layer = 0; layer < layers; ++layer) {
    const std::string name = "layer" + std::to_string(layer);
    std::vector<float> weights(64);
    for (float& weight : weights) weight = random.uniform(-1, 1);
    add_floats(model, name + ".w", {8, 8}, weights);
    add_attribute(add_node(model, "Gemm", {last, name + ".w"}, {name}), "alpha", onnx::AttributeProto::FLOAT).set_f(2);
    describe(*main.add_value_info(), name, proto::FLOAT, {-1, 8});
    last = name;
  }
  auto& shape_node = add_node(model, "Constant", {}, {"shape"});
  auto& held = add_attribute(shape_node, "value_ints", onnx::AttributeProto::INTS);
  held.add_ints(-1);
  held.add_ints(4);
  add_node(model, "Reshape", {last, "shape"}, {"y"});
  describe(*main.add_output(), "y", proto::FLOAT, {-1, 4});
  return model;
}

}  // namespace

TEST_CASE("a model cut off anywhere is refused or still valid") {
  const auto whole = bytes_of(layered_model(12));
  need(import_onnx(whole));
  std::size_t refused = 0, tried = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97, ++tried) {
    const auto made = import_onnx(std::span(whole).first(size));
    refused += !made;
    if (made) need(validate(*made));
  }
  CHECK(tried > 40);
  CHECK(refused == tried);
}

TEST_CASE("single damaged bytes give a valid graph or an error") {
  const std::uint64_t seed = 0x7e0a11;
  CAPTURE(seed);
  random_source random(seed);
  const auto whole = bytes_of(layered_model(3));
  std::size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    auto damaged = whole;
    const std::size_t at = random.below(damaged.size());
    const auto value = static_cast<unsigned>(random.below(256));
    damaged[at] = std::byte(value);
    CAPTURE(at, value);
    const auto made = import_onnx(damaged);
    refused += !made;
    if (made) REQUIRE(validate(*made));
  }
  CHECK(refused > 200);
  CHECK(refused < 1900);
}

TEST_CASE("millions of empty records are refused before they are parsed") {
  // Field 1 of a GraphProto is a node: two bytes in the file, more than a hundred in memory.
  std::string records;
  constexpr std::size_t count = 4'000'000;
  for (std::size_t i = 0; i < count; ++i) records += std::string("\x0a\x00", 2);
  std::string model = "\x3a";  // the graph
  for (std::size_t rest = records.size(); rest > 0; rest >>= 7)
    model += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  model += records;
  struct ::rusage before {
  }, after{};
  ::getrusage(RUSAGE_SELF, &before);
  const auto made = import_onnx(std::as_bytes(std::span(model)));
  ::getrusage(RUSAGE_SELF, &after);
  REQUIRE(!made);
  CHECK(contains(made.error().to_string(), "bytes of memory"));
  CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
}

TEST_CASE("records nested without end are refused") {
  // attribute.g.node.attribute.g...: each level wraps the one before it.
  std::string inner;
  const auto wrap = [&](int field) {
    std::string head(1, static_cast<char>(field << 3 | 2));
    std::size_t rest = inner.size();
    do {
      head += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
      rest >>= 7;
    } while (rest > 0);
    inner.insert(0, head);
  };
  for (int level = 0; level < 5000; ++level) {
    wrap(1);  // GraphProto.node
    wrap(6);  // AttributeProto.g
    wrap(5);  // NodeProto.attribute
  }
  wrap(1);
  wrap(7);
  CHECK(!import_onnx(std::as_bytes(std::span(inner))));
}

TEST_CASE("files that are no models are refused by name") {
  const temporary_folder folder;
  const auto refuse = [&](const std::filesystem::path& file) {
    const auto made = import_onnx(file);
    REQUIRE(!made);
    return made.error().to_string();
  };
  CHECK(contains(refuse(folder.path() / "missing.onnx"), "missing.onnx"));
  CHECK(contains(refuse(folder.path()), "not a regular file"));
  CHECK(contains(refuse(folder.write("empty.onnx", {})), "empty"));
  CHECK(contains(refuse(folder.write("text.onnx", std::as_bytes(std::span("certainly not a model")))), "text.onnx"));
  const auto huge = folder.write("huge.onnx", {});
  REQUIRE(::truncate(huge.c_str(), ::off_t{1} << 32) == 0);  // sparse: takes no space
  CHECK(contains(refuse(huge), "4294967296 bytes"));
}

TEST_CASE("a file and its bytes give the same graph") {
  const temporary_folder folder;
  const auto bytes = bytes_of(layered_model(5));
  const graph from_file = need(import_onnx(folder.write("model.onnx", bytes)));
  const graph from_bytes = need(import_onnx(bytes));
  CHECK(from_file.nodes.size() == from_bytes.nodes.size());
  CHECK(from_file.constant_bytes() == from_bytes.constant_bytes());
}

namespace {

onnx::ModelProto external_model(const std::string& location, const std::string& offset = "",
                                const std::string& length = "") {
  onnx::ModelProto model = empty_model();
  describe(*model.mutable_graph()->add_output(), "w", proto::FLOAT, {4});
  auto& data = *model.mutable_graph()->add_initializer();
  data.set_name("w");
  data.set_data_type(proto::FLOAT);
  data.add_dims(4);
  data.set_data_location(proto::EXTERNAL);
  for (const auto& [key, value] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
    if (value.empty()) continue;
    auto& entry = *data.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return model;
}

}  // namespace

TEST_CASE("external weights are read from below the model's folder") {
  const temporary_folder folder;
  std::filesystem::create_directory(folder.path() / "data");
  const std::vector<float> values{0, 0, 1, 2, 3, 4, 9};
  folder.write("data/weights.bin", std::as_bytes(std::span(values)));
  for (const std::string location : {"data/weights.bin", "./data/weights.bin", "data/./weights.bin"}) {
    const graph made = need(import_onnx(folder.write("m.onnx", bytes_of(external_model(location, "8", "16")))));
    CHECK(made.constants.begin()->second.as<float>()[3] == 4);
  }
  const graph rest = need(import_onnx(bytes_of(external_model("data/weights.bin", "8")), folder.path()));
  CHECK(rest.constants.begin()->second.as<float>()[0] == 1);
}

TEST_CASE("external weights never lie outside the model's folder") {
  const temporary_folder folder;
  const std::vector<float> values{1, 2, 3, 4};
  const auto secret = folder.write("secret.bin", std::as_bytes(std::span(values)));
  const auto inside = folder.path() / "model";
  std::filesystem::create_directories(inside / "sub");
  folder.write("model/w.bin", std::as_bytes(std::span(values)));
  std::filesystem::create_symlink(secret, inside / "link.bin");
  std::filesystem::create_directory_symlink(folder.path(), inside / "up");
  std::filesystem::create_symlink("w.bin", inside / "harmless.bin");
  need(import_onnx(bytes_of(external_model("w.bin")), inside));
  for (const std::string& location :
       {std::string("../secret.bin"), std::string("sub/../../secret.bin"), std::string("sub/../w.bin"), secret.string(),
        std::string("link.bin"), std::string("up/secret.bin"), std::string("harmless.bin"), std::string("sub"),
        std::string("."), std::string("sub/"), std::string("w.bin/"), std::string("w.bin/x"), std::string("missing"),
        std::string("w.bin\0x", 7), std::string("//etc/hostname"), std::string("/dev/zero")}) {
    CAPTURE(location);
    CHECK(!import_onnx(bytes_of(external_model(location)), inside));
  }
  CHECK(!import_onnx(bytes_of(external_model("w.bin"))));
}

TEST_CASE("regions that do not lie in the external file are refused") {
  const temporary_folder folder;
  const std::vector<float> values{1, 2, 3, 4};
  folder.write("w.bin", std::as_bytes(std::span(values)));
  struct region {
    std::string offset, length;
  };
  for (const region& each : {region{"1", "16"},
                             {"0", "17"},
                             {"0", "15"},
                             {"16", "16"},
                             {"17", ""},
                             {"1", ""},
                             {"-4", "16"},
                             {"9223372036854775807", "16"},
                             {"0", "9223372036854775807"},
                             {"99999999999999999999", ""},
                             {"0x0", ""},
                             {"", "-1"}}) {
    CAPTURE(each.offset, each.length);
    CHECK(!import_onnx(bytes_of(external_model("w.bin", each.offset, each.length)), folder.path()));
  }
}

TEST_CASE("one external region may serve many weights, but not be copied many times") {
  const temporary_folder folder;
  const std::vector<float> values(64, 1.0f);
  folder.write("w.bin", std::as_bytes(std::span(values)));
  onnx::ModelProto shared = external_model("w.bin", "0", "16");
  onnx::ModelProto copied = external_model("w.bin", "0", "16");
  for (int i = 0; i < 60; ++i)
    for (onnx::ModelProto* model : {&shared, &copied}) {
      auto& data = *model->mutable_graph()->add_initializer();
      data = model->graph().initializer(0);
      data.set_name("w" + std::to_string(i));
      if (model == &copied) data.mutable_external_data(1)->set_value(std::to_string(4 * i));
    }
  const graph made = need(import_onnx(bytes_of(shared), folder.path()));
  CHECK(made.constants.size() == 61);
  CHECK(made.constants.begin()->second.storage() == made.constants.rbegin()->second.storage());
  const auto refused = import_onnx(bytes_of(copied), folder.path());
  REQUIRE(!refused);
  CHECK(contains(refused.error().to_string(), "overlap"));
}
