#include "import/onnx_attribute.hpp"

#include "import/names.hpp"
#include "import/onnx_tensor.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

using kind = onnx::AttributeProto;

/// Files older than IR version 2 leave the type out: the field that is there tells.
kind::AttributeType kind_of(const onnx::AttributeProto& proto) {
  if (proto.type() != kind::UNDEFINED) return proto.type();
  if (proto.has_f()) return kind::FLOAT;
  if (proto.has_i()) return kind::INT;
  if (proto.has_s()) return kind::STRING;
  if (proto.has_t()) return kind::TENSOR;
  if (proto.has_g()) return kind::GRAPH;
  if (proto.floats_size() > 0) return kind::FLOATS;
  if (proto.ints_size() > 0) return kind::INTS;
  if (proto.strings_size() > 0) return kind::STRINGS;
  return kind::UNDEFINED;
}

}  // namespace

bool is_body(const onnx::AttributeProto& proto) {
  return kind_of(proto) == kind::GRAPH;
}

result<std::optional<attribute>> take_attribute(onnx::AttributeProto& proto, external_data& external) {
  if (!proto.ref_attr_name().empty())
    return fail(errc::invalid_argument, "it refers to the attribute \"{}\" of a function, but is not in one",
                proto.ref_attr_name());
  switch (kind_of(proto)) {
    case kind::FLOAT: return std::optional<attribute>(proto.f());
    case kind::INT: return std::optional<attribute>(static_cast<std::int64_t>(proto.i()));
    case kind::STRING:
      if (!is_utf8(proto.s())) return fail(errc::invalid_argument, "it holds bytes that are not UTF-8");
      return std::optional<attribute>(std::move(*proto.mutable_s()));
    case kind::FLOATS:
      return std::optional<attribute>(std::vector<float>(proto.floats().begin(), proto.floats().end()));
    case kind::INTS:
      return std::optional<attribute>(std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end()));
    case kind::STRINGS:
      for (const std::string& text : proto.strings())
        if (!is_utf8(text)) return fail(errc::invalid_argument, "it holds bytes that are not UTF-8");
      return std::optional<attribute>(std::vector<std::string>(proto.strings().begin(), proto.strings().end()));
    case kind::TENSOR: {
      TROUPE_TRY(tensor data, take_tensor(*proto.mutable_t(), external));
      return std::optional<attribute>(std::move(data));
    }
    default: return std::optional<attribute>();
  }
}

result<tensor> constant_of(const node& step) {
  if (step.attributes.size() != 1)
    return fail(errc::invalid_argument, "it has {} values instead of one that Troupe knows", step.attributes.size());
  const auto& [name, held] = *step.attributes.begin();
  if (const auto* data = std::get_if<tensor>(&held); data && name == "value") return *data;
  if (const auto* number = std::get_if<float>(&held); number && name == "value_float")
    return tensor::from<float>({}, {number, 1});
  if (const auto* number = std::get_if<std::int64_t>(&held); number && name == "value_int")
    return tensor::from<std::int64_t>({}, {number, 1});
  if (const auto* list = std::get_if<std::vector<float>>(&held); list && name == "value_floats")
    return tensor::from<float>({static_cast<std::int64_t>(list->size())}, *list);
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&held); list && name == "value_ints")
    return tensor::from<std::int64_t>({static_cast<std::int64_t>(list->size())}, *list);
  return fail(errc::unsupported, "its attribute \"{}\" is not supported; tensors and numbers are", name);
}

}  // namespace troupe
