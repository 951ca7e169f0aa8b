#include "troupe/engine/utf8.hpp"

namespace troupe {

utf8_front front_of_utf8(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, utf8_state::complete, lead};
  const std::size_t length = lead >= 0xc2 && lead < 0xe0   ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0) return {1, utf8_state::invalid};
  char32_t code_point = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {i, utf8_state::incomplete};
    // The second byte also decides about overlong forms, surrogates and the end of the code space.
    const unsigned low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (byte(i) < low || byte(i) > high) return {i, utf8_state::invalid};
    code_point = code_point << 6 | (byte(i) & 0x3fu);
  }
  return {length, utf8_state::complete, code_point};
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const utf8_front front = front_of_utf8(text);
    if (front.state != utf8_state::complete) return false;
    text.remove_prefix(front.bytes);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  while (!text.empty()) {
    const utf8_front front = front_of_utf8(text);
    made.append(front.state == utf8_state::complete ? text.substr(0, front.bytes) : std::string_view("\xef\xbf\xbd"));
    text.remove_prefix(front.bytes);
  }
  return made;
}

void append_utf8(std::string& to, char32_t code_point) {
  const auto add = [&](char32_t byte) { to.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code_point < 0x80) return add(code_point);
  if (code_point < 0x800) {
    add(0xc0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      add(0xe0 | code_point >> 12);
    } else {
      add(0xf0 | code_point >> 18);
      add(0x80 | (code_point >> 12 & 0x3f));
    }
    add(0x80 | (code_point >> 6 & 0x3f));
  }
  add(0x80 | (code_point & 0x3f));
}

}  // namespace troupe
