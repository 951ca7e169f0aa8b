#include "import/gguf/gguf_types.hpp"

#include <algorithm>

namespace troupe {
namespace {

/// Types without a block are refused; those that were given up keep their names, so that an old file is told why.
constexpr std::array<gguf_tensor_type, 41> tensor_types{{
    {0, "F32", {1, 4}},         {1, "F16", {1, 2}},         {2, "Q4_0", {32, 18}},      {3, "Q4_1", {32, 20}},
    {4, "Q4_2", {0, 0}},        {5, "Q4_3", {0, 0}},        {6, "Q5_0", {32, 22}},      {7, "Q5_1", {32, 24}},
    {8, "Q8_0", {32, 34}},      {9, "Q8_1", {32, 36}},      {10, "Q2_K", {256, 84}},    {11, "Q3_K", {256, 110}},
    {12, "Q4_K", {256, 144}},   {13, "Q5_K", {256, 176}},   {14, "Q6_K", {256, 210}},   {15, "Q8_K", {256, 292}},
    {16, "IQ2_XXS", {256, 66}}, {17, "IQ2_XS", {256, 74}},  {18, "IQ3_XXS", {256, 98}}, {19, "IQ1_S", {256, 50}},
    {20, "IQ4_NL", {32, 18}},   {21, "IQ3_S", {256, 110}},  {22, "IQ2_S", {256, 82}},   {23, "IQ4_XS", {256, 136}},
    {24, "I8", {1, 1}},         {25, "I16", {1, 2}},        {26, "I32", {1, 4}},        {27, "I64", {1, 8}},
    {28, "F64", {1, 8}},        {29, "IQ1_M", {256, 56}},   {30, "BF16", {1, 2}},       {31, "Q4_0_4_4", {0, 0}},
    {32, "Q4_0_4_8", {0, 0}},   {33, "Q4_0_8_8", {0, 0}},   {34, "TQ1_0", {256, 54}},   {35, "TQ2_0", {256, 66}},
    {36, "IQ4_NL_4_4", {0, 0}}, {37, "IQ4_NL_4_8", {0, 0}}, {38, "IQ4_NL_8_8", {0, 0}}, {39, "MXFP4", {32, 17}},
    {40, "NVFP4", {0, 0}},
}};

}  // namespace

std::size_t bytes_of(gguf_type type) noexcept {
  switch (type) {
    case gguf_type::u8:
    case gguf_type::i8:
    case gguf_type::boolean: return 1;
    case gguf_type::u16:
    case gguf_type::i16: return 2;
    case gguf_type::u32:
    case gguf_type::i32:
    case gguf_type::f32: return 4;
    case gguf_type::string:
    case gguf_type::u64:
    case gguf_type::i64:
    case gguf_type::f64: return 8;
    case gguf_type::array: return 12;
  }
  return 0;
}

bool is_valid(gguf_type type) noexcept {
  return bytes_of(type) != 0;
}

std::string_view to_string(gguf_type type) noexcept {
  switch (type) {
    case gguf_type::u8: return "uint8";
    case gguf_type::i8: return "int8";
    case gguf_type::u16: return "uint16";
    case gguf_type::i16: return "int16";
    case gguf_type::u32: return "uint32";
    case gguf_type::i32: return "int32";
    case gguf_type::f32: return "float32";
    case gguf_type::boolean: return "bool";
    case gguf_type::string: return "string";
    case gguf_type::array: return "array";
    case gguf_type::u64: return "uint64";
    case gguf_type::i64: return "int64";
    case gguf_type::f64: return "float64";
  }
  return "?";
}

const gguf_tensor_type* find_tensor_type(std::uint32_t number) noexcept {
  const auto* const found = std::find_if(tensor_types.begin(), tensor_types.end(),
                                         [&](const gguf_tensor_type& type) { return type.number == number; });
  return found == tensor_types.end() ? nullptr : found;
}

}  // namespace troupe
