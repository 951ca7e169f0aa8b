#include "tokenizer/text_normalizer.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/utf8.hpp"

#include "troupe/engine/limits.hpp"

namespace troupe {
namespace {

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::uint32_t offset_of(std::uint32_t unit) {
  return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

}  // namespace

result<text_normalizer> text_normalizer::make(const vocabulary& words) {
  text_normalizer made;
  made.prefix_ = words.add_space_prefix;
  made.joins_ = words.remove_extra_spaces;
  for (std::size_t id = 0; id < words.tokens.size(); ++id)
    if (words.types[id] == token_type::user_defined && !words.tokens[id].empty())
      made.kept_.add(words.tokens[id], static_cast<token_id>(id));
  made.kept_.sort();
  const std::string_view map = words.character_map;
  if (map.empty()) return made;
  const std::size_t bytes = map.size() < 4 ? map.size() : read_u32(map);
  if (map.size() < 8 || bytes % 4 != 0 || bytes < 4 || bytes > map.size() - 4)
    return fail(errc::invalid_argument, "the map of characters has {} bytes and claims a trie of {}", map.size(),
                bytes);
  for (std::size_t at = 4; at < 4 + bytes; at += 4) made.units_.push_back(read_u32(map.substr(at)));
  made.replacements_ = map.substr(4 + bytes);
  return made;
}

text_normalizer::step text_normalizer::next(std::string_view text) const {
  if (std::size_t kept = 0; kept_.each_prefix(text, [&](std::size_t bytes, token_id) { kept = bytes; }), kept > 0)
    return {text.substr(0, kept), kept};

  std::size_t longest = 0, value = 0;
  const auto unit = [&](std::uint32_t at) { return at < units_.size() ? units_[at] : 0u; };
  std::uint32_t at = offset_of(unit(0));
  // A map is data from outside: what it looks at and what it puts there are bounded.
  constexpr std::size_t key_bytes_max = 256, replacement_bytes_max = 256;
  for (std::size_t i = 0; i < std::min(text.size(), key_bytes_max) && !units_.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    at ^= byte;
    const std::uint32_t here = unit(at);
    if (byte == 0 || (here & (1u << 31 | 0xffu)) != byte) break;
    at ^= offset_of(here);
    if ((here >> 8 & 1) == 0) continue;
    longest = i + 1;
    value = unit(at) & ~(1u << 31);
  }
  // A value that leads nowhere is a damaged map: then the character stays as it is.
  if (longest > 0 && value < replacements_.size()) {
    const std::string_view rest = replacements_.substr(value, replacement_bytes_max + 1);
    if (const std::size_t end = rest.find('\0'); end != std::string_view::npos) return {rest.substr(0, end), longest};
  }
  const utf8_front front = front_of_utf8(text);
  if (front.state == utf8_state::complete) return {text.substr(0, front.bytes), front.bytes};
  return {"\xef\xbf\xbd", 1};
}

std::string text_normalizer::normalized(std::string_view text) const {
  constexpr std::string_view space = "\xe2\x96\x81";
  std::string made;
  bool within = false, prefixed = false;
  while (!text.empty() && made.size() <= limits::normalized_bytes_max) {
    const step read = next(text);
    for (const char c : read.text) {
      if (c == ' ') {
        within = false;
        if (!joins_) made.append(space);
        continue;
      }
      if (!within && (joins_ || (prefix_ && !prefixed))) {
        made.append(space);
        prefixed = true;
      }
      within = true;
      made.push_back(c);
    }
    text.remove_prefix(read.consumed);
  }
  return made;
}

}  // namespace troupe
