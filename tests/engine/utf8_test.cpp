#include "troupe/engine/utf8.hpp"

#include "support/check.hpp"

namespace {

using namespace troupe;

}  // namespace

TEST_CASE("every code point is written and read", "[utf8]") {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string text;
    append_utf8(text, code);
    const utf8_front front = front_of_utf8(text);
    if (front.state != utf8_state::complete || front.code_point != code || front.bytes != text.size())
      FAIL("code point " << static_cast<std::uint32_t>(code));
    // Every part of it could still become it.
    for (std::size_t bytes = 1; bytes < text.size(); ++bytes) {
      const utf8_front part = front_of_utf8(std::string_view(text).substr(0, bytes));
      if (part.state != utf8_state::incomplete || part.bytes != bytes)
        FAIL("a part of " << static_cast<std::uint32_t>(code));
    }
  }
}

TEST_CASE("what is not UTF-8 is told from what is not whole", "[utf8]") {
  for (const char* text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3z", "\xe2\x82z"}) {
    INFO(text);
    CHECK(front_of_utf8(text).state == utf8_state::invalid);
    CHECK_FALSE(is_utf8(text));
  }
  CHECK(front_of_utf8("\xe2\x82z").bytes == 2);
  CHECK(front_of_utf8("\xf0\x9f\x98z").bytes == 3);
  CHECK(is_utf8(""));
  CHECK(is_utf8("aé€😀"));
  CHECK_FALSE(is_utf8("a\xe2\x82"));
}

TEST_CASE("each part that is not UTF-8 is replaced once", "[utf8]") {
  // The example of the Unicode standard, table 3-8.
  CHECK(replace_invalid_utf8("a\xf1\x80\x80\xe1\x80\xc2"
                             "b\x80"
                             "c\x80\xbf"
                             "d") == "a\ufffd\ufffd\ufffdb\ufffdc\ufffd\ufffdd");
  CHECK(replace_invalid_utf8("\xe2\x82") == "\ufffd");
  CHECK(replace_invalid_utf8("aé") == "aé");
}
