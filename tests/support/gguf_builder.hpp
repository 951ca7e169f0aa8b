// GGUF files made in memory, right ones and wrong ones.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "troupe/engine/gguf.hpp"

namespace troupe::test {

template <class T>
constexpr gguf_type gguf_type_of() {
  if constexpr (std::is_same_v<T, bool>) return gguf_type::boolean;
  if constexpr (std::is_same_v<T, float>) return gguf_type::f32;
  if constexpr (std::is_same_v<T, double>) return gguf_type::f64;
  if constexpr (std::is_same_v<T, std::uint8_t>) return gguf_type::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return gguf_type::i8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return gguf_type::u16;
  if constexpr (std::is_same_v<T, std::int16_t>) return gguf_type::i16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return gguf_type::u32;
  if constexpr (std::is_same_v<T, std::int32_t>) return gguf_type::i32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return gguf_type::u64;
  if constexpr (std::is_same_v<T, std::int64_t>) return gguf_type::i64;
}

/// Bytes that are appended to, and where a reader goes from one thing to the next.
struct gguf_bytes {
  std::vector<std::byte> bytes;
  std::vector<std::size_t> boundaries;

  template <class T>
  void number(T value) {
    boundaries.push_back(bytes.size());
    const auto* const raw = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof value);
  }
  void string(std::string_view text) {
    number(static_cast<std::uint64_t>(text.size()));
    append(std::as_bytes(std::span(text)));
  }
  void append(std::span<const std::byte> more) {
    boundaries.push_back(bytes.size());
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  void append(const gguf_bytes& more) {
    for (const std::size_t at : more.boundaries) boundaries.push_back(bytes.size() + at);
    bytes.insert(bytes.end(), more.bytes.begin(), more.bytes.end());
  }
  void pad(std::size_t alignment) { bytes.resize((bytes.size() + alignment - 1) / alignment * alignment); }
};

/// Collects keys and tensors; `build` writes the file. The members may be changed to make a file that is wrong.
class gguf_builder {
public:
  std::uint32_t magic = 0x46554747;
  std::uint32_t version = 3;
  std::size_t alignment = 32;
  std::int64_t more_tensors = 0;  ///< claimed in the header, but not there
  std::int64_t more_keys = 0;

  struct tensor_entry {
    std::string name;
    std::vector<std::uint64_t> extents;  ///< as in the file: the length of a row first
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
    std::vector<std::byte> data;
  };
  std::vector<tensor_entry> tensors;

  gguf_builder& text(std::string_view key, std::string_view value) {
    start(key, gguf_type::string).string(value);
    return *this;
  }
  template <class T>
  gguf_builder& value(std::string_view key, T number) {
    start(key, gguf_type_of<T>()).number(number);
    return *this;
  }
  template <class T>
  gguf_builder& list(std::string_view key, const std::vector<T>& numbers) {
    gguf_bytes& out = start_list(key, gguf_type_of<T>(), numbers.size());
    for (const T number : numbers) out.number(number);
    return *this;
  }
  gguf_builder& texts(std::string_view key, const std::vector<std::string>& strings) {
    gguf_bytes& out = start_list(key, gguf_type::string, strings.size());
    for (const std::string& string : strings) out.string(string);
    return *this;
  }
  /// An entry whose value the caller writes.
  gguf_bytes& start(std::string_view key, gguf_type type) {
    ++keys_;
    entries_.string(key);
    entries_.number(static_cast<std::uint32_t>(type));
    return entries_;
  }
  gguf_bytes& start_list(std::string_view key, gguf_type type, std::uint64_t count) {
    gguf_bytes& out = start(key, gguf_type::array);
    out.number(static_cast<std::uint32_t>(type));
    out.number(count);
    return out;
  }

  /// Extents row-major. Placed behind the tensor before it.
  gguf_builder& tensor(std::string name, std::vector<std::uint64_t> extents, std::uint32_t type,
                       std::vector<std::byte> data) {
    std::uint64_t offset = 0;
    if (!tensors.empty()) {
      const auto& last = tensors.back();
      offset = (last.offset + last.data.size() + alignment - 1) / alignment * alignment;
    }
    tensors.push_back({std::move(name), {extents.rbegin(), extents.rend()}, type, offset, std::move(data)});
    return *this;
  }
  gguf_builder& floats(std::string name, std::vector<std::uint64_t> extents, const std::vector<float>& values) {
    const auto raw = std::as_bytes(std::span(values));
    return tensor(std::move(name), std::move(extents), 0, {raw.begin(), raw.end()});
  }

  gguf_bytes build() const {
    gguf_bytes out;
    out.number(magic);
    out.number(version);
    out.number(static_cast<std::uint64_t>(static_cast<std::int64_t>(tensors.size()) + more_tensors));
    out.number(static_cast<std::uint64_t>(keys_ + more_keys));
    out.append(entries_);
    for (const tensor_entry& tensor : tensors) {
      out.string(tensor.name);
      out.number(static_cast<std::uint32_t>(tensor.extents.size()));
      for (const std::uint64_t extent : tensor.extents) out.number(extent);
      out.number(tensor.type);
      out.number(tensor.offset);
    }
    if (tensors.empty()) return out;
    out.pad(alignment);
    const std::size_t data = out.bytes.size();
    for (const tensor_entry& tensor : tensors) {
      if (out.bytes.size() < data + tensor.offset) out.bytes.resize(data + tensor.offset);
      out.append(tensor.data);
    }
    return out;
  }

private:
  gguf_bytes entries_;
  std::int64_t keys_ = 0;
};

/// Bytes that do not look like anything.
inline std::vector<std::byte> patterned_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
  return bytes;
}

/// A small file with every kind of value, and tensors of several types and ranks.
inline gguf_builder varied_gguf() {
  gguf_builder made;
  made.text("general.architecture", "llama").value("general.alignment", std::uint32_t{32});
  made.value("a.u8", std::uint8_t{200}).value("a.i8", std::int8_t{-3}).value("a.u16", std::uint16_t{60000});
  made.value("a.i16", std::int16_t{-300})
      .value("a.u32", std::uint32_t{4000000000})
      .value("a.i32", std::int32_t{-70000});
  made.value("a.u64", std::uint64_t{1} << 40).value("a.i64", -(std::int64_t{1} << 40)).value("a.f32", 0.5f);
  made.value("a.f64", 0.25).value("a.true", true);
  made.texts("l.texts", {"<s>", "", "\xf0\x9f\x98\x80", "word"}).list<std::int32_t>("l.i32", {3, -1, 7});
  made.list<float>("l.f32", {0.5f, -2.0f}).list<bool>("l.bool", {true, false, true}).list<std::uint64_t>("l.u64", {9});
  made.list<std::uint8_t>("l.none", {});
  gguf_bytes& nested = made.start_list("l.nested", gguf_type::array, 2);
  for (int i = 0; i < 2; ++i) {
    nested.number(static_cast<std::uint32_t>(gguf_type::i16));
    nested.number(std::uint64_t{3});
    for (std::int16_t n = 0; n < 3; ++n) nested.number(n);
  }
  made.floats("norm.weight", {4}, {1.0f, -2.5f, 0.0f, 1024.0f});
  made.tensor("q8", {3, 64}, 8, patterned_bytes(3 * 2 * 34));
  made.tensor("half", {2, 3, 5}, 1, patterned_bytes(2 * 3 * 5 * 2));
  made.tensor("k", {2, 256}, 12, patterned_bytes(2 * 144));
  made.tensor("iq", {1, 256}, 16, patterned_bytes(66));
  return made;
}

/// Parses a copy, which the file keeps.
inline result<gguf_file> parse_gguf(std::vector<std::byte> bytes) {
  const auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  return gguf_file::parse(*held, held);
}

}  // namespace troupe::test
