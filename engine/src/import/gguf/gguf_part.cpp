#include "import/gguf/gguf_part.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "import/gguf/gguf_types.hpp"
#include "import/names.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::uint32_t magic = 0x46554747;  // "GGUF"
constexpr std::uint64_t header_bytes = 24;
constexpr std::uint64_t default_alignment = 32;
constexpr std::uint64_t alignment_min = 8;
// The least bytes of an entry (length, one character, type, one byte), and of a tensor: its description (length, one
// character, rank, one extent, type, offset), and what lies between it and the next one.
constexpr std::uint64_t entry_bytes_min = 8 + 1 + 4 + 1;
constexpr std::uint64_t tensor_bytes_min = 8 + 1 + 4 + 8 + 4 + 8 + alignment_min;
// What is kept of a tensor, its place in the order of names included, is less than twice what it has in the file.
static_assert(sizeof(gguf_tensor) + sizeof(std::uint32_t) < 2 * tensor_bytes_min);

template <class T>
T load(std::span<const std::byte> bytes, std::uint64_t at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Walks over the bytes; nothing is read or skipped that is not there.
class cursor {
public:
  cursor(std::span<const std::byte> bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }

  template <class T>
  result<T> number(std::string_view what) {
    if (left() < sizeof(T)) return cut(what);
    const T value = load<T>(bytes_, at_);
    at_ += sizeof(T);
    return value;
  }
  result<std::string_view> string(std::uint64_t bytes_max, std::string_view what) {
    TROUPE_TRY(const auto length, number<std::uint64_t>(what));
    if (length > left()) return cut(what);
    if (length > bytes_max)
      return fail(errc::invalid_argument, "{} at byte {} has {} bytes; at most {} are allowed", what, at_, length,
                  bytes_max);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
    at_ += length;
    return text;
  }
  result<void> skip(std::uint64_t count, std::uint64_t bytes_each, std::string_view what) {
    if (count > left() / bytes_each) return cut(what);
    at_ += count * bytes_each;
    return {};
  }

  error cut(std::string_view what) const {
    return fail(errc::invalid_argument, "the file ends inside {} at byte {}: it is damaged or cut off", what, at_);
  }

private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_;
};

result<void> skip_value(std::span<const std::byte> bytes, cursor& in, gguf_type type, int depth);

result<void> skip_booleans(std::span<const std::byte> bytes, cursor& in, std::uint64_t count) {
  const std::uint64_t first = in.at();
  TROUPE_CHECK(in.skip(count, 1, "a bool"));
  const auto values = bytes.subspan(first, count);
  if (std::any_of(values.begin(), values.end(), [](std::byte value) { return value > std::byte{1}; }))
    return fail(errc::invalid_argument, "a bool near byte {} is neither 0 nor 1", first);
  return {};
}

result<void> skip_array(std::span<const std::byte> bytes, cursor& in, int depth) {
  if (depth >= limits::gguf_nesting_max)
    return fail(errc::invalid_argument, "arrays are nested more than {} deep", limits::gguf_nesting_max);
  TROUPE_TRY(const auto number, in.number<std::uint32_t>("an array"));
  const auto type = static_cast<gguf_type>(number);
  if (!is_valid(type)) return fail(errc::invalid_argument, "the array has elements of the unknown type {}", number);
  TROUPE_TRY(const auto count, in.number<std::uint64_t>("an array"));
  if (count > in.left() / bytes_of(type))
    return fail(errc::invalid_argument, "the array claims {} elements of type {}, but the file has {} bytes left",
                count, to_string(type), in.left());
  if (type == gguf_type::boolean) return skip_booleans(bytes, in, count);
  if (type != gguf_type::string && type != gguf_type::array) return in.skip(count, bytes_of(type), "an array");
  for (std::uint64_t i = 0; i < count; ++i) TROUPE_CHECK(skip_value(bytes, in, type, depth + 1));
  return {};
}

result<void> skip_value(std::span<const std::byte> bytes, cursor& in, gguf_type type, int depth) {
  if (type == gguf_type::array) return skip_array(bytes, in, depth);
  if (type == gguf_type::boolean) return skip_booleans(bytes, in, 1);
  if (type != gguf_type::string) return in.skip(1, bytes_of(type), "a value");
  TROUPE_TRY([[maybe_unused]] const auto text, in.string(bytes.size(), "a string"));
  return {};
}

std::string_view key_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  return {reinterpret_cast<const char*>(bytes.data()) + offset + 8, load<std::uint64_t>(bytes, offset)};
}

result<void> skip_entry(std::span<const std::byte> bytes, cursor& in) {
  TROUPE_TRY(const auto key, in.string(limits::name_length_max, "a key"));
  if (key.empty()) return fail(errc::invalid_argument, "the key before byte {} is empty", in.at());
  TROUPE_CHECK(check_name(key, "key"));
  TROUPE_TRY(const auto number, in.number<std::uint32_t>("a type"));
  const auto type = static_cast<gguf_type>(number);
  if (!is_valid(type)) return fail(errc::invalid_argument, "the value of \"{}\" has the unknown type {}", key, number);
  return skip_value(bytes, in, type, 0).while_doing(fmt::format("the value of \"{}\"", key));
}

/// Reads all entries; offsets come in the order of the keys.
result<std::vector<std::uint64_t>> read_entries(std::span<const std::byte> bytes, cursor& in, std::uint64_t count) {
  std::vector<std::uint64_t> offsets;
  offsets.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    offsets.push_back(in.at());
    TROUPE_CHECK(skip_entry(bytes, in));
  }
  const auto key = [&](std::uint64_t offset) { return key_at(bytes, offset); };
  std::sort(offsets.begin(), offsets.end(), [&](auto a, auto b) { return key(a) < key(b); });
  const auto twice =
      std::adjacent_find(offsets.begin(), offsets.end(), [&](auto a, auto b) { return key(a) == key(b); });
  if (twice != offsets.end()) return fail(errc::invalid_argument, "the key \"{}\" is there twice", key(*twice));
  return offsets;
}

result<std::uint64_t> read_alignment(std::span<const std::byte> bytes, const std::vector<std::uint64_t>& entries) {
  for (const std::uint64_t offset : entries) {
    const gguf_entry entry = gguf_entry_at(bytes, offset);
    if (entry.key != "general.alignment") continue;
    if (entry.type != gguf_type::u32)
      return fail(errc::invalid_argument, "general.alignment has the type {}; uint32 is expected",
                  to_string(entry.type));
    const auto alignment = load<std::uint32_t>(entry.bytes, 0);
    if (!std::has_single_bit(alignment) || alignment < alignment_min || alignment > limits::gguf_alignment_max)
      return fail(errc::invalid_argument, "general.alignment is {}; powers of two from {} to {} are supported",
                  alignment, alignment_min, limits::gguf_alignment_max);
    return std::uint64_t{alignment};
  }
  return default_alignment;
}

/// What the file says about a tensor, with `bytes` not known yet.
struct description {
  gguf_tensor tensor;
  std::uint64_t offset = 0;  ///< from the start of the data
  std::uint64_t length = 0;
};

result<void> read_extents(cursor& in, gguf_tensor& into) {
  TROUPE_TRY(const auto rank, in.number<std::uint32_t>("a tensor's description"));
  if (rank < 1 || rank > into.extents.size())
    return fail(errc::invalid_argument, "it has {} dimensions; 1 to {} are supported", rank, into.extents.size());
  into.rank = static_cast<std::uint16_t>(rank);
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    TROUPE_TRY(const auto extent, in.number<std::uint64_t>("a tensor's description"));
    if (extent == 0) return fail(errc::invalid_argument, "its extent {} is 0", i);
    if (extent > static_cast<std::uint64_t>(limits::elements_max) / elements)
      return fail(errc::invalid_argument, "it has more than {} elements", limits::elements_max);
    elements *= extent;
    into.extents[rank - 1 - i] = static_cast<std::int64_t>(extent);  // the file has the length of a row first
  }
  return {};
}

result<void> read_type(cursor& in, description& into) {
  TROUPE_TRY(into.tensor.type, in.number<std::uint32_t>("a tensor's description"));
  const gguf_tensor_type* const type = find_tensor_type(into.tensor.type);
  if (!type) return fail(errc::unsupported, "it has the unknown type {}", into.tensor.type);
  if (type->block.bytes == 0) return fail(errc::unsupported, "its type {} is not supported", type->name);
  const auto columns = static_cast<std::uint64_t>(into.tensor.columns());
  if (columns % type->block.elements != 0)
    return fail(errc::invalid_argument, "its rows have {} elements, which are not whole blocks of {} ({})", columns,
                type->block.elements, type->name);
  into.length = static_cast<std::uint64_t>(into.tensor.elements()) / type->block.elements * type->block.bytes;
  return {};
}

result<description> read_description(cursor& in) {
  description made;
  TROUPE_TRY(made.tensor.name, in.string(limits::gguf_name_bytes_max, "a tensor's name"));
  if (made.tensor.name.empty()) return fail(errc::invalid_argument, "the tensor before byte {} has no name", in.at());
  TROUPE_CHECK(check_name(made.tensor.name, "tensor's name"));
  const auto rest = [&]() -> result<void> {
    TROUPE_CHECK(read_extents(in, made.tensor));
    TROUPE_CHECK(read_type(in, made));
    TROUPE_TRY(made.offset, in.number<std::uint64_t>("a tensor's description"));
    return {};
  };
  TROUPE_CHECK(rest().while_doing(fmt::format("the tensor \"{}\"", made.tensor.name)));
  return made;
}

}  // namespace

result<gguf_header> read_gguf_header(std::span<const std::byte> bytes) {
  if (bytes.size() < header_bytes || load<std::uint32_t>(bytes, 0) != magic)
    return fail(errc::invalid_argument, "it is not a GGUF file: the first bytes are not those of one");
  gguf_header header;
  header.version = load<std::uint32_t>(bytes, 4);
  if (header.version == 0x02000000 || header.version == 0x03000000)
    return fail(errc::unsupported, "it is a big-endian GGUF file; convert it to little endian");
  if (header.version < 2 || header.version > 3)
    return fail(errc::unsupported, "version {} of GGUF is not supported; 2 and 3 are", header.version);
  header.tensors = load<std::uint64_t>(bytes, 8);
  header.keys = load<std::uint64_t>(bytes, 16);
  const std::uint64_t left = bytes.size() - header_bytes;
  if (header.keys > left / entry_bytes_min)
    return fail(errc::invalid_argument, "it claims {} keys, but has only {} bytes", header.keys, bytes.size());
  // The last tensor is followed by no other.
  if (header.tensors > (left + alignment_min) / tensor_bytes_min)
    return fail(errc::invalid_argument, "it claims {} tensors, but has only {} bytes", header.tensors, bytes.size());
  return header;
}

result<std::vector<std::uint64_t>> read_gguf_part(std::span<const std::byte> bytes, std::uint16_t part,
                                                  std::vector<gguf_tensor>& tensors) {
  TROUPE_TRY(const gguf_header header, read_gguf_header(bytes));
  cursor in(bytes, header_bytes);
  TROUPE_TRY(std::vector<std::uint64_t> entries, read_entries(bytes, in, header.keys));
  TROUPE_TRY(const std::uint64_t alignment, read_alignment(bytes, entries));

  // The data begins behind the last description: a first walk finds out where.
  const cursor descriptions = in;
  for (std::uint64_t i = 0; i < header.tensors; ++i) TROUPE_CHECK(read_description(in));
  if (header.tensors == 0) return entries;
  const std::uint64_t padding = (alignment - in.at() % alignment) % alignment;
  TROUPE_CHECK(in.skip(padding, 1, "the padding before the data"));
  const auto data = bytes.subspan(in.at());

  cursor again = descriptions;
  for (std::uint64_t i = 0; i < header.tensors; ++i) {
    TROUPE_TRY(description found, read_description(again));
    if (found.offset % alignment != 0)
      return fail(errc::invalid_argument, "the tensor \"{}\" lies at {}, which is no multiple of {}", found.tensor.name,
                  found.offset, alignment);
    if (found.offset > data.size() || found.length > data.size() - found.offset)
      return fail(errc::invalid_argument,
                  "the tensor \"{}\" has {} bytes at {}, but the file has {} bytes of data: it is damaged or cut off",
                  found.tensor.name, found.length, found.offset, data.size());
    found.tensor.bytes = data.subspan(found.offset, found.length);
    found.tensor.part = part;
    tensors.push_back(found.tensor);
  }
  return entries;
}

result<std::vector<std::uint32_t>> check_tensors(std::span<const gguf_tensor> tensors) {
  if (tensors.size() > limits::graph_values_max)
    return fail(errc::invalid_argument, "it has {} tensors; at most {} are supported", tensors.size(),
                limits::graph_values_max);
  std::vector<std::uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto place = [&](std::uint32_t i) { return std::pair(tensors[i].part, tensors[i].bytes.data()); };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return place(a) < place(b); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const gguf_tensor& before = tensors[order[i - 1]];
    const gguf_tensor& after = tensors[order[i]];
    if (before.part == after.part && before.bytes.data() + before.bytes.size() > after.bytes.data())
      return fail(errc::invalid_argument, "the tensors \"{}\" and \"{}\" overlap", before.name, after.name);
  }
  const auto name = [&](std::uint32_t i) { return tensors[i].name; };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return name(a) < name(b); });
  const auto twice = std::adjacent_find(order.begin(), order.end(), [&](auto a, auto b) { return name(a) == name(b); });
  if (twice != order.end()) return fail(errc::invalid_argument, "the tensor \"{}\" is there twice", name(*twice));
  return order;
}

gguf_entry gguf_entry_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  gguf_entry made;
  made.key = key_at(bytes, offset);
  std::uint64_t at = offset + 8 + made.key.size();
  made.type = static_cast<gguf_type>(load<std::uint32_t>(bytes, at));
  at += 4;
  if (made.type == gguf_type::string) {
    made.bytes = bytes.subspan(at + 8, load<std::uint64_t>(bytes, at));
  } else if (made.type != gguf_type::array) {
    made.bytes = bytes.subspan(at, bytes_of(made.type));
  } else {
    made.element_type = static_cast<gguf_type>(load<std::uint32_t>(bytes, at));
    made.count = load<std::uint64_t>(bytes, at + 4);
    made.bytes = bytes.subspan(at + 12);
    // Where an array of strings or arrays ends is found by walking; who reads it stops after `count` elements.
    if (made.element_type != gguf_type::string && made.element_type != gguf_type::array)
      made.bytes = made.bytes.first(made.count * bytes_of(made.element_type));
  }
  return made;
}

std::string_view next_gguf_string(std::span<const std::byte>& elements) {
  const auto length = load<std::uint64_t>(elements, 0);
  const std::string_view text(reinterpret_cast<const char*>(elements.data()) + 8, length);
  elements = elements.subspan(8 + length);
  return text;
}

}  // namespace troupe
