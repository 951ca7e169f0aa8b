#include <cmath>
#include <cstring>
#include <limits>

#include "import/gguf/gguf_contents.hpp"
#include "import/gguf/gguf_part.hpp"
#include "import/gguf/gguf_types.hpp"
#include "import/names.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

error missing(std::string_view key) {
  return fail(errc::invalid_argument, "the file has no key \"{}\"", key);
}

error wrong_type(const gguf_entry& entry, std::string_view expected) {
  const std::string shown = entry.type == gguf_type::array
                                ? fmt::format("an array of {}", to_string(entry.element_type))
                                : std::string(to_string(entry.type));
  return fail(errc::invalid_argument, "the value of \"{}\" is of type {}; {} is expected", entry.key, shown, expected);
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Calls `body` with the number at `at`; false when `type` is no number.
template <class Body>
bool with_number(gguf_type type, const std::byte* at, Body body) {
  switch (type) {
    case gguf_type::u8:
    case gguf_type::boolean: body(load<std::uint8_t>(at)); return true;
    case gguf_type::i8: body(load<std::int8_t>(at)); return true;
    case gguf_type::u16: body(load<std::uint16_t>(at)); return true;
    case gguf_type::i16: body(load<std::int16_t>(at)); return true;
    case gguf_type::u32: body(load<std::uint32_t>(at)); return true;
    case gguf_type::i32: body(load<std::int32_t>(at)); return true;
    case gguf_type::u64: body(load<std::uint64_t>(at)); return true;
    case gguf_type::i64: body(load<std::int64_t>(at)); return true;
    case gguf_type::f32: body(load<float>(at)); return true;
    case gguf_type::f64: body(load<double>(at)); return true;
    case gguf_type::string:
    case gguf_type::array: break;
  }
  return false;
}

bool is_integer(gguf_type type) {
  return bytes_of(type) != 0 && type != gguf_type::f32 && type != gguf_type::f64 && type != gguf_type::string &&
         type != gguf_type::array;
}

result<std::int64_t> integer_at(const gguf_entry& entry, gguf_type type, const std::byte* at) {
  if (type == gguf_type::u64 && load<std::uint64_t>(at) > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return fail(errc::invalid_argument, "the value {} of \"{}\" is too large", load<std::uint64_t>(at), entry.key);
  std::int64_t value = 0;
  with_number(type, at, [&](auto number) { value = static_cast<std::int64_t>(number); });
  return value;
}

/// The array under a key, if it holds numbers of which a list can be made.
result<gguf_entry> number_list(const gguf_file& file, std::string_view key, bool integers) {
  const auto entry = file.find(key);
  if (!entry) return missing(key);
  const std::string_view expected = integers ? "an array of integers" : "an array of numbers";
  if (entry->type != gguf_type::array) return wrong_type(*entry, expected);
  const gguf_type type = entry->element_type;
  if (type == gguf_type::string || type == gguf_type::array || (integers && !is_integer(type)))
    return wrong_type(*entry, expected);
  if (bytes_of(type) < 4 && entry->count > limits::gguf_narrow_list_max)
    return fail(errc::invalid_argument, "the array \"{}\" has {} elements; at most {} are supported", key, entry->count,
                limits::gguf_narrow_list_max);
  return *entry;
}

}  // namespace

std::string gguf_entry::describe() const {
  if (type == gguf_type::array) return fmt::format("{}[{}]", to_string(element_type), count);
  if (type == gguf_type::boolean) return bytes[0] == std::byte{0} ? "false" : "true";
  if (type == gguf_type::string) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return check_name(text, "text") ? fmt::format("\"{}\"", text) : fmt::format("string of {} bytes", text.size());
  }
  std::string shown;
  with_number(type, bytes.data(), [&](auto number) { shown = fmt::format("{}", number); });
  return shown;
}

std::uint32_t gguf_file::version() const noexcept {
  return held_->version;
}

std::size_t gguf_file::parts() const noexcept {
  return held_->parts.size();
}

std::size_t gguf_file::byte_size() const noexcept {
  std::size_t bytes = 0;
  for (const shared_bytes& part : held_->parts) bytes += part.size;
  return bytes;
}

std::span<const std::byte> gguf_file::part(std::size_t i) const noexcept {
  return held_->parts[i].span();
}

std::size_t gguf_file::keys() const noexcept {
  return held_->entries.size();
}

gguf_entry gguf_file::entry(std::size_t i) const {
  return gguf_entry_at(held_->parts[0].span(), held_->entries[i]);
}

std::optional<gguf_entry> gguf_file::find(std::string_view key) const {
  std::size_t low = 0, high = keys();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const gguf_entry found = entry(middle);
    if (found.key == key) return found;
    (found.key < key ? low : high) = found.key < key ? middle + 1 : middle;
  }
  return std::nullopt;
}

result<std::string_view> gguf_file::text(std::string_view key) const {
  const auto entry = find(key);
  if (!entry) return missing(key);
  if (entry->type != gguf_type::string) return wrong_type(*entry, "a string");
  return std::string_view(reinterpret_cast<const char*>(entry->bytes.data()), entry->bytes.size());
}

result<std::int64_t> gguf_file::integer(std::string_view key) const {
  const auto entry = find(key);
  if (!entry) return missing(key);
  if (!is_integer(entry->type)) return wrong_type(*entry, "an integer");
  return integer_at(*entry, entry->type, entry->bytes.data());
}

result<double> gguf_file::number(std::string_view key) const {
  const auto entry = find(key);
  if (!entry) return missing(key);
  double value = 0;
  if (!with_number(entry->type, entry->bytes.data(), [&](auto number) { value = static_cast<double>(number); }))
    return wrong_type(*entry, "a number");
  if (!std::isfinite(value)) return fail(errc::invalid_argument, "the value of \"{}\" is not finite", key);
  return value;
}

result<bool> gguf_file::boolean(std::string_view key) const {
  const auto entry = find(key);
  if (!entry) return missing(key);
  if (entry->type != gguf_type::boolean) return wrong_type(*entry, "a bool");
  return entry->bytes[0] != std::byte{0};
}

result<std::vector<std::string_view>> gguf_file::texts(std::string_view key) const {
  const auto entry = find(key);
  if (!entry) return missing(key);
  if (entry->type != gguf_type::array || entry->element_type != gguf_type::string)
    return wrong_type(*entry, "an array of strings");
  std::vector<std::string_view> made;
  made.reserve(entry->count);
  auto elements = entry->bytes;
  for (std::uint64_t i = 0; i < entry->count; ++i) made.push_back(next_gguf_string(elements));
  return made;
}

result<std::vector<std::int64_t>> gguf_file::integers(std::string_view key) const {
  TROUPE_TRY(const gguf_entry entry, number_list(*this, key, true));
  std::vector<std::int64_t> made;
  made.reserve(entry.count);
  for (std::uint64_t i = 0; i < entry.count; ++i) {
    TROUPE_TRY(const std::int64_t value,
               integer_at(entry, entry.element_type, entry.bytes.data() + i * bytes_of(entry.element_type)));
    made.push_back(value);
  }
  return made;
}

result<std::vector<float>> gguf_file::numbers(std::string_view key) const {
  TROUPE_TRY(const gguf_entry entry, number_list(*this, key, false));
  std::vector<float> made;
  made.reserve(entry.count);
  for (std::uint64_t i = 0; i < entry.count; ++i)
    with_number(entry.element_type, entry.bytes.data() + i * bytes_of(entry.element_type),
                [&](auto number) { made.push_back(static_cast<float>(number)); });
  return made;
}

result<std::string_view> gguf_file::text_or(std::string_view key, std::string_view fallback) const {
  return has(key) ? text(key) : result<std::string_view>(fallback);
}

result<std::int64_t> gguf_file::integer_or(std::string_view key, std::int64_t fallback) const {
  return has(key) ? integer(key) : result<std::int64_t>(fallback);
}

result<double> gguf_file::number_or(std::string_view key, double fallback) const {
  return has(key) ? number(key) : result<double>(fallback);
}

result<bool> gguf_file::boolean_or(std::string_view key, bool fallback) const {
  return has(key) ? boolean(key) : result<bool>(fallback);
}

}  // namespace troupe
