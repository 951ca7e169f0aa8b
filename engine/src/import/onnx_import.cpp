#include "troupe/engine/onnx_import.hpp"

#include <new>

#include "import/onnx_graph.hpp"
#include "import/onnx_tensor.hpp"
#include "import/protobuf_file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Calls `body`; nothing throws beyond it.
template <class Body>
auto contained(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no memory for it");
  }
}

}  // namespace

result<graph> import_onnx(const std::filesystem::path& file) {
  return contained([&]() -> result<graph> {
           onnx::ModelProto model;
           TROUPE_CHECK(parse_protobuf_file(file, model));
           const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
           external_data external(folder);
           return take_graph(model, external);
         })
      .while_doing(fmt::format("reading the ONNX model {}", file.string()));
}

result<graph> import_onnx(std::span<const std::byte> bytes, const std::filesystem::path& folder) {
  return contained([&]() -> result<graph> {
           onnx::ModelProto model;
           TROUPE_CHECK(parse_protobuf(bytes, model));
           external_data external(folder);
           return take_graph(model, external);
         })
      .while_doing("reading an ONNX model");
}

result<tensor> read_tensor_proto(const std::filesystem::path& file) {
  return contained([&]() -> result<tensor> {
           onnx::TensorProto proto;
           TROUPE_CHECK(parse_protobuf_file(file, proto));
           external_data external({});
           return take_tensor(proto, external);
         })
      .while_doing(fmt::format("reading the tensor {}", file.string()));
}

}  // namespace troupe
