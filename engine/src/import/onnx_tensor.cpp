#include "import/onnx_tensor.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "import/names.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Names of TensorProto::DataType by number. The header of an older ONNX lacks the last ones.
constexpr std::array<std::string_view, 24> onnx_type_names{
    "undefined", "float32",      "uint8",          "int8",       "uint16",         "int16",  "int32",     "int64",
    "string",    "bool",         "float16",        "float64",    "uint32",         "uint64", "complex64", "complex128",
    "bfloat16",  "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",  "int4",      "float4e2m1"};

/// Below this size a copy is cheaper than keeping the protobuf's string alive.
constexpr std::size_t share_from = 4096;

void normalize_booleans(tensor& data) {
  // A bool that is neither 0 nor 1 is undefined behaviour as soon as somebody reads it.
  for (std::byte& element : data.mutable_bytes()) element = std::byte{element != std::byte{0}};
}

result<tensor> from_raw(onnx::TensorProto& proto, dtype type, const shape& dims) {
  auto raw = std::make_shared<std::string>(std::move(*proto.mutable_raw_data()));
  proto.clear_raw_data();
  const auto bytes = std::as_bytes(std::span(*raw));
  if (bytes.size() >= share_from && reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0 &&
      type != dtype::boolean)
    return tensor::from_shared(type, dims, std::shared_ptr<const std::byte>(raw, bytes.data()), bytes.size());
  TROUPE_TRY(tensor made, tensor::from_bytes(type, dims, bytes));
  if (type == dtype::boolean) normalize_booleans(made);
  return made;
}

template <class T, class Field>
result<tensor> from_field(const shape& dims, const Field& field) {
  if (static_cast<std::int64_t>(field.size()) != dims.elements())
    return fail(errc::invalid_argument, "{} elements are given for {}{}", field.size(), to_string(dtype_of<T>::value),
                dims.to_string());
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype_of<T>::value, dims));
  std::copy(field.begin(), field.end(), made.as_mutable<T>().begin());
  return made;
}

/// Small types are stored as int32, uint32 as uint64: each value must be one of theirs.
template <class T, class Field>
result<tensor> from_narrow_field(const shape& dims, const Field& field) {
  using stored = std::conditional_t<std::is_same_v<T, float16>, std::uint16_t, T>;
  for (const auto value : field)
    if (std::cmp_less(value, std::int64_t{std::numeric_limits<stored>::min()}) ||
        std::cmp_greater(value, std::int64_t{std::numeric_limits<stored>::max()}))
      return fail(errc::invalid_argument, "{} is no value of type {}", value, to_string(dtype_of<T>::value));
  if (static_cast<std::int64_t>(field.size()) != dims.elements())
    return fail(errc::invalid_argument, "{} elements are given for {}{}", field.size(), to_string(dtype_of<T>::value),
                dims.to_string());
  TROUPE_TRY(tensor made, tensor::make_uninitialized(dtype_of<T>::value, dims));
  std::transform(field.begin(), field.end(), made.as_mutable<T>().begin(), [](auto value) {
    if constexpr (std::is_same_v<T, float16>)
      return float16{static_cast<std::uint16_t>(value)};
    else
      return static_cast<T>(value);
  });
  return made;
}

result<std::int64_t> parse_number(const std::string& text, std::string_view role) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < 0)
    return fail(errc::invalid_argument, "the {} \"{}\" of its external data is not a number", role, text.substr(0, 40));
  return value;
}

result<tensor> from_external(const onnx::TensorProto& proto, dtype type, const shape& dims, external_data& external) {
  external_data::region where;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      TROUPE_CHECK(check_name(entry.value(), "location of external data"));
      where.location = entry.value();
    } else if (entry.key() == "offset") {
      TROUPE_TRY(where.offset, parse_number(entry.value(), "offset"));
    } else if (entry.key() == "length") {
      TROUPE_TRY(where.length, parse_number(entry.value(), "length"));
    }
  }
  TROUPE_TRY(tensor made, external.read(where, type, dims));
  if (type == dtype::boolean) normalize_booleans(made);
  return made;
}

}  // namespace

result<dtype> from_onnx_type(int data_type) {
  switch (data_type) {
    case onnx::TensorProto::FLOAT: return dtype::f32;
    case onnx::TensorProto::FLOAT16: return dtype::f16;
    case onnx::TensorProto::DOUBLE: return dtype::f64;
    case onnx::TensorProto::INT8: return dtype::i8;
    case onnx::TensorProto::UINT8: return dtype::u8;
    case onnx::TensorProto::INT32: return dtype::i32;
    case onnx::TensorProto::INT64: return dtype::i64;
    case onnx::TensorProto::BOOL: return dtype::boolean;
    case onnx::TensorProto::INT16: return dtype::i16;
    case onnx::TensorProto::UINT16: return dtype::u16;
    case onnx::TensorProto::UINT32: return dtype::u32;
    case onnx::TensorProto::UINT64: return dtype::u64;
    default: break;
  }
  if (data_type >= 0 && static_cast<std::size_t>(data_type) < onnx_type_names.size())
    return fail(errc::unsupported, "the element type {} is not supported",
                onnx_type_names[static_cast<std::size_t>(data_type)]);
  return fail(errc::unsupported, "the element type number {} is not known", data_type);
}

result<tensor> take_tensor(onnx::TensorProto& proto, external_data& external) {
  TROUPE_TRY(const dtype type, from_onnx_type(proto.data_type()));
  TROUPE_TRY(const shape dims, shape::make({proto.dims().data(), static_cast<std::size_t>(proto.dims_size())}));
  if (proto.has_segment()) return fail(errc::unsupported, "it is only a segment of a tensor");
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) return from_external(proto, type, dims, external);
  if (proto.has_raw_data()) return from_raw(proto, type, dims);
  switch (type) {
    case dtype::f32: return from_field<float>(dims, proto.float_data());
    case dtype::f64: return from_field<double>(dims, proto.double_data());
    case dtype::i32: return from_field<std::int32_t>(dims, proto.int32_data());
    case dtype::i64: return from_field<std::int64_t>(dims, proto.int64_data());
    case dtype::i8: return from_narrow_field<std::int8_t>(dims, proto.int32_data());
    case dtype::u8: return from_narrow_field<std::uint8_t>(dims, proto.int32_data());
    case dtype::boolean: return from_narrow_field<bool>(dims, proto.int32_data());
    case dtype::i16: return from_narrow_field<std::int16_t>(dims, proto.int32_data());
    case dtype::u16: return from_narrow_field<std::uint16_t>(dims, proto.int32_data());
    case dtype::u32: return from_narrow_field<std::uint32_t>(dims, proto.uint64_data());
    case dtype::u64: return from_field<std::uint64_t>(dims, proto.uint64_data());
    case dtype::f16: return from_narrow_field<float16>(dims, proto.int32_data());
  }
  return fail(errc::internal, "the type {} is not read", to_string(type));
}

}  // namespace troupe
