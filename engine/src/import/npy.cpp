// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#include "troupe/engine/npy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "core/file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t header_bytes_max = 1 << 16;  // numpy's own headers have 118 bytes

struct type_code {
  std::string_view code;
  dtype type;
};
constexpr std::array<type_code, 12> type_codes{{{"f2", dtype::f16},
                                                {"f4", dtype::f32},
                                                {"f8", dtype::f64},
                                                {"i1", dtype::i8},
                                                {"u1", dtype::u8},
                                                {"i4", dtype::i32},
                                                {"i8", dtype::i64},
                                                {"b1", dtype::boolean},
                                                {"i2", dtype::i16},
                                                {"u2", dtype::u16},
                                                {"u4", dtype::u32},
                                                {"u8", dtype::u64}}};

/// The header is a Python dictionary literal; this reads the subset that numpy writes.
struct header_fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> extents;
};

class header_parser {
public:
  explicit header_parser(std::string_view text) : rest_(text) {}

  result<header_fields> parse() {
    if (!take('{')) return malformed("'{'");
    header_fields fields;
    while (!take('}')) {
      TROUPE_TRY(const std::string key, string());
      if (!take(':')) return malformed("':'");
      if (key == "descr" && !fields.descr) {
        if (peek() == '[') return fail(errc::unsupported, "the file holds records; only plain elements are supported");
        TROUPE_TRY(fields.descr, string());
      } else if (key == "fortran_order" && !fields.fortran_order) {
        TROUPE_TRY(fields.fortran_order, boolean());
      } else if (key == "shape" && !fields.extents) {
        TROUPE_TRY(fields.extents, tuple());
      } else {
        return fail(errc::invalid_argument, "the header has an unexpected key '{}'", key);
      }
      if (!take(',') && peek() != '}') return malformed("',' or '}'");
    }
    skip_space();
    if (!rest_.empty()) return malformed("the end of the header");
    return fields;
  }

private:
  error malformed(std::string_view expected) const {
    return fail(errc::invalid_argument, "the header is malformed: {} is expected before \"{}\"", expected,
                printable(rest_.substr(0, 20)));
  }
  static std::string printable(std::string_view text) {
    std::string shown(text);
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return shown;
  }
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n' || rest_[0] == '\t')) rest_.remove_prefix(1);
  }
  char peek() {
    skip_space();
    return rest_.empty() ? '\0' : rest_[0];
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  result<std::string> string() {
    const char quote = peek();
    const std::size_t end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos) return malformed("a string");
    std::string text = printable(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  result<bool> boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {std::string_view("False"), false}})
      if (rest_.substr(0, word.size()) == word) {
        rest_.remove_prefix(word.size());
        return value;
      }
    return malformed("True or False");
  }
  result<std::vector<std::int64_t>> tuple() {
    if (!take('(')) return malformed("'('");
    std::vector<std::int64_t> extents;
    while (!take(')')) {
      skip_space();
      std::int64_t extent = 0;
      const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
      if (failure != std::errc{} || extents.size() > limits::rank_max) return malformed("an extent");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      extents.push_back(extent);
      if (!take(',') && peek() != ')') return malformed("',' or ')'");
    }
    return extents;
  }

  std::string_view rest_;
};

result<dtype> element_type(const std::string& descr) {
  const std::string_view code = std::string_view(descr).substr(std::min<std::size_t>(1, descr.size()));
  const auto* found =
      std::find_if(type_codes.begin(), type_codes.end(), [&](const type_code& t) { return t.code == code; });
  const char order = descr.empty() ? '\0' : descr[0];
  if (found == type_codes.end() || (order != '<' && order != '>' && order != '|' && order != '='))
    return fail(errc::unsupported, "elements of type '{}' are not supported; f2, f4, f8, i1 to i8, u1 to u8 and b1 are",
                descr);
  if (order == '>' && size_of(found->type) > 1)
    return fail(errc::unsupported, "elements of type '{}' are big endian; convert them with .astype('<{}')", descr,
                code);
  return found->type;
}

std::uint32_t little_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

}  // namespace

result<tensor> parse_npy(std::span<const std::byte> bytes) {
  static_assert(std::endian::native == std::endian::little);
  if (bytes.size() < 10 || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return fail(errc::invalid_argument, "it is not a .npy file: the first bytes are not \\x93NUMPY");
  const auto version = std::to_integer<unsigned>(bytes[6]);
  if (version < 1 || version > 3)
    return fail(errc::unsupported, "version {} of the .npy format is not supported; 1 to 3 are", version);
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t header_at = 8 + length_bytes;
  if (bytes.size() < header_at) return fail(errc::invalid_argument, "it ends inside its header");
  const std::size_t header_bytes = little_endian(bytes.subspan(8, length_bytes));
  if (header_bytes > header_bytes_max)
    return fail(errc::invalid_argument, "its header has {} bytes; at most {} are supported", header_bytes,
                header_bytes_max);
  if (bytes.size() - header_at < header_bytes) return fail(errc::invalid_argument, "it ends inside its header");

  header_parser parser({reinterpret_cast<const char*>(bytes.data()) + header_at, header_bytes});
  TROUPE_TRY(const header_fields fields, parser.parse());
  if (!fields.descr || !fields.fortran_order || !fields.extents)
    return fail(errc::invalid_argument, "the header lacks descr, fortran_order or shape");
  TROUPE_TRY(const dtype type, element_type(*fields.descr));
  TROUPE_TRY(const shape dims, shape::make(*fields.extents));
  // With at most one extent above 1 both orders are the same.
  const auto long_axes = std::count_if(dims.begin(), dims.end(), [](std::int64_t extent) { return extent > 1; });
  if (*fields.fortran_order && long_axes > 1)
    return fail(errc::unsupported, "it is in Fortran order; save it in C order with numpy.ascontiguousarray");

  const auto data = bytes.subspan(header_at + header_bytes);
  const auto wanted = static_cast<std::size_t>(dims.elements()) * size_of(type);
  if (data.size() != wanted)
    return fail(errc::invalid_argument, "it holds {} bytes of data, but {}{} has {}", data.size(), to_string(type),
                dims.to_string(), wanted);
  TROUPE_TRY(tensor made, tensor::from_bytes(type, dims, data));
  // A bool that is neither 0 nor 1 is undefined behaviour as soon as somebody reads it.
  if (type == dtype::boolean)
    for (std::byte& element : made.mutable_bytes()) element = std::byte{element != std::byte{0}};
  return made;
}

result<tensor> read_npy(const std::filesystem::path& file) {
  constexpr auto bytes_max = static_cast<std::size_t>(limits::elements_max) * 8 + header_bytes_max + 12;
  TROUPE_TRY(const auto bytes, read_file(file, bytes_max));
  return parse_npy(bytes).while_doing(fmt::format("reading {}", file.string()));
}

std::vector<std::byte> format_npy(const tensor& data) {
  const auto code = std::find_if(type_codes.begin(), type_codes.end(), [&](const type_code& t) {
                      return t.type == data.type();
                    })->code;
  const auto extents = data.dims().extents();
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   size_of(data.type()) == 1 ? '|' : '<', code, fmt::join(extents, ", "),
                                   extents.size() == 1 ? "," : "");
  // The data starts at a multiple of 64, and the header ends with a line feed.
  const std::size_t prefix = magic.size() + 4;
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n';
  std::string start(magic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  start += header;

  std::vector<std::byte> bytes(start.size() + data.byte_size());
  std::memcpy(bytes.data(), start.data(), start.size());
  const auto elements = data.bytes();
  if (!elements.empty()) std::memcpy(bytes.data() + start.size(), elements.data(), elements.size());
  return bytes;
}

result<void> write_npy(const std::filesystem::path& file, const tensor& data) {
  try {
    return write_file(file, format_npy(data));
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_memory, "the host has no {} bytes to write {}", data.byte_size(), file.string());
  }
}

}  // namespace troupe
