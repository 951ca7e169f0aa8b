// Little-endian numbers in byte sequences, as every format of this module has them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace troupe::wire {

static_assert(std::endian::native == std::endian::little, "numbers are copied to the wire as they lie in memory");

template <class T>
T load(std::span<const std::byte> from, std::size_t offset) noexcept {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

template <class T>
void store(std::span<std::byte> to, std::size_t offset, T value) noexcept {
  static_assert(std::is_integral_v<T>);
  std::memcpy(to.data() + offset, &value, sizeof value);
}

template <class T>
void append(std::vector<std::byte>& to, T value) {
  to.resize(to.size() + sizeof value);
  store(std::span(to), to.size() - sizeof value, value);
}

inline void append_text(std::vector<std::byte>& to, std::string_view text) {
  const auto* raw = reinterpret_cast<const std::byte*>(text.data());
  to.insert(to.end(), raw, raw + text.size());
}

inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bytes of a peer made fit for a message to people: what is not printable ASCII becomes a dot.
inline std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown)
    if (c < 0x20 || c > 0x7e) c = '.';
  return shown;
}

}  // namespace troupe::wire
