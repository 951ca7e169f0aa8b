#include "tokenizer/character.hpp"

#include <utf8proc.h>

#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

/// Property White_Space of https://www.unicode.org/Public/UCD/latest/ucd/PropList.txt, which utf8proc has no table for.
bool is_space(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
         code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

character_class class_of(char32_t code) {
  if (is_space(code)) return character_class::space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return character_class::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return character_class::number;
    default: return character_class::other;
  }
}

}  // namespace

character character_at(std::string_view text, std::size_t at) {
  if (at >= text.size()) return {};
  const utf8_front front = front_of_utf8(text.substr(at));
  if (front.state != utf8_state::complete) return {0xfffd, 1, character_class::other};
  return {front.code_point, front.bytes, class_of(front.code_point)};
}

bool is_punctuation(char32_t code) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO: return true;
    default: return false;
  }
}

}  // namespace troupe
