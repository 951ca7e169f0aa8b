#include "troupe/engine/block_format.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr block_format all_formats[] = {block_format::f32,  block_format::f16,  block_format::bf16, block_format::q8_0,
                                        block_format::q4_0, block_format::q4_1, block_format::q5_0, block_format::q5_1,
                                        block_format::q2_k, block_format::q3_k, block_format::q4_k, block_format::q5_k,
                                        block_format::q6_k};

/// A block of zeros that is filled in byte by byte.
struct block {
  block_format format;
  std::vector<std::byte> bytes;

  explicit block(block_format which) : format(which), bytes(size_of(which).bytes) {}
  block& set(std::size_t at, std::initializer_list<unsigned> values) {
    for (const unsigned value : values) bytes.at(at++) = static_cast<std::byte>(value);
    return *this;
  }
  std::vector<float> values() const {
    std::vector<float> made(size_of(format).elements, -77.0f);
    need(dequantize(format, bytes, made));
    return made;
  }
};

// Halves by their bytes, low byte first.
#define HALF_ONE 0x00, 0x3c
#define HALF_TWO 0x00, 0x40
#define HALF_HALF 0x00, 0x38

std::vector<std::byte> from_base64(std::string_view text) {
  std::vector<std::byte> made;
  unsigned bits = 0, count = 0;
  for (const char c : text) {
    const unsigned value = c >= 'A' && c <= 'Z'   ? static_cast<unsigned>(c - 'A')
                           : c >= 'a' && c <= 'z' ? static_cast<unsigned>(c - 'a' + 26)
                           : c >= '0' && c <= '9' ? static_cast<unsigned>(c - '0' + 52)
                           : c == '+'             ? 62u
                           : c == '/'             ? 63u
                                                  : 64u;
    if (value == 64) break;
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    made.push_back(static_cast<std::byte>(bits >> count & 255));
  }
  return made;
}

/// The string that follows `key` after `from`.
std::string_view quoted_after(std::string_view text, std::string_view key, std::size_t from) {
  const std::size_t at = text.find(key, from);
  if (at == std::string_view::npos) return {};
  const std::size_t begin = text.find('"', text.find(':', at)) + 1;
  return text.substr(begin, text.find('"', begin) - begin);
}

}  // namespace

TEST_CASE("block formats have the names and sizes of GGUF") {
  CHECK(to_string(block_format::q4_k) == "Q4_K");
  CHECK(block_format_named("BF16") == block_format::bf16);
  CHECK(!block_format_named("IQ4_NL"));
  CHECK(!block_format_named(""));
  CHECK(need(row_bytes(block_format::q8_0, 4096)) == 4352);
  CHECK(need(row_bytes(block_format::q6_k, 512)) == 420);
  CHECK(need(row_bytes(block_format::f32, 3)) == 12);
  for (const block_format format : all_formats) CHECK(block_format_named(to_string(format)) == format);
}

TEST_CASE("rows that are not whole blocks are refused") {
  CHECK(row_bytes(block_format::q4_0, 33).error().code() == errc::invalid_argument);
  CHECK(row_bytes(static_cast<block_format>(77), 32).error().code() == errc::invalid_argument);
  std::vector<float> target(32);
  CHECK(!dequantize(block_format::q4_0, std::vector<std::byte>(17), target));
  CHECK(!dequantize(block_format::q4_0, std::vector<std::byte>(36), target));
  CHECK(!dequantize(static_cast<block_format>(77), std::vector<std::byte>(36), target));
  target.resize(31);
  CHECK(!dequantize(block_format::q4_0, std::vector<std::byte>(18), target));
}

TEST_CASE("floats of three kinds are themselves") {
  CHECK(block(block_format::f32).set(0, {0, 0, 0x20, 0xc0}).values()[0] == -2.5f);
  CHECK(block(block_format::f16).set(0, {HALF_TWO}).values()[0] == 2.0f);
  CHECK(block(block_format::bf16).set(0, {0x20, 0xc0}).values()[0] == -2.5f);
}

TEST_CASE("a block of 32 elements has one scale") {
  const auto q8 = block(block_format::q8_0).set(0, {HALF_HALF, 3, 0xff, 0x80}).set(33, {127}).values();
  CHECK(q8[0] == 1.5f);
  CHECK(q8[1] == -0.5f);
  CHECK(q8[2] == -64.0f);
  CHECK(q8[31] == 63.5f);
  const auto q4 = block(block_format::q4_0).set(0, {HALF_TWO, 0xf3}).set(17, {0x08}).values();
  CHECK(q4[0] == -10.0f);   // 3 - 8
  CHECK(q4[16] == 14.0f);   // 15 - 8
  CHECK(q4[15] == 0.0f);    // 8 - 8
  CHECK(q4[31] == -16.0f);  // 0 - 8
  // Element 0 has its fifth bit, element 31 has, element 16 has not.
  const auto q5 = block(block_format::q5_0).set(0, {HALF_TWO, 0x01, 0, 0, 0x80, 0xf3}).set(21, {0x20}).values();
  CHECK(q5[0] == 6.0f);     // 19 - 16
  CHECK(q5[16] == -2.0f);   // 15 - 16
  CHECK(q5[31] == 4.0f);    // 18 - 16
  CHECK(q5[15] == -32.0f);  // 0 - 16
}

TEST_CASE("a block of 32 elements may have a least value") {
  const auto q4 = block(block_format::q4_1).set(0, {HALF_TWO, HALF_HALF, 0xf3}).values();
  CHECK(q4[0] == 6.5f);
  CHECK(q4[16] == 30.5f);
  CHECK(q4[1] == 0.5f);
  const auto q5 = block(block_format::q5_1).set(0, {HALF_TWO, HALF_HALF, 0x01, 0, 0x01, 0, 0xf3}).values();
  CHECK(q5[0] == 38.5f);   // 19
  CHECK(q5[16] == 62.5f);  // 31
  CHECK(q5[1] == 0.5f);
}

TEST_CASE("a block of 256 elements has scales for 16 elements and a scale of those") {
  // Byte 33 has elements 17, 49, 81 and 113 in its pairs of bits, byte 48 + 3 elements 131 and so on.
  const auto q2 = block(block_format::q2_k)
                      .set(1, {0x53})   // elements 16 to 31: 3, least 5
                      .set(10, {0x02})  // elements 160 to 175
                      .set(33, {0x02})
                      .set(51, {0x0c})
                      .set(80, {HALF_TWO, HALF_HALF})
                      .values();
  CHECK(q2[17] == 2.0f * 3 * 2 - 2.5f);
  CHECK(q2[16] == -2.5f);
  CHECK(q2[163] == 2.0f * 2 * 3);
  CHECK(q2[49] == 0.0f);

  // Scale 0 is 1 + 16 * 3 - 32, scale 9 is 2 + 16 * 2 - 32; bit 0 of byte 5 belongs to element 5, bit 4 to element 133.
  const auto q3 = block(block_format::q3_k)
                      .set(5, {0x01})
                      .set(37, {0x02})
                      .set(96, {0x01, 0x20})
                      .set(104, {0x03, 0x20})
                      .set(108, {HALF_HALF})
                      .values();
  CHECK(q3[5] == 0.5f * 17 * 2);
  CHECK(q3[6] == 0.5f * 17 * -4);
  CHECK(q3[144] == 0.5f * 2 * -4);
  CHECK(q3[16] == 0.5f * -32 * -4);

  const auto q6 = block(block_format::q6_k)
                      .set(2, {0x95})        // elements 2 and 66
                      .set(128 + 2, {0x31})  // their high bits: 1 and 3
                      .set(192, {0xfe, 0, 0, 0, 3})
                      .set(208, {HALF_HALF})
                      .values();
  CHECK(q6[2] == 0.5f * -2 * (21 - 32));
  CHECK(q6[66] == 0.5f * 3 * (57 - 32));
  CHECK(q6[0] == 0.5f * -2 * -32);
}

TEST_CASE("a block of 256 elements may have scales and least values for 32 elements") {
  // Pair 1 is 5 and 7; pair 6 is 9 + 16 * 2 and 4 + 16 * 3, whose high bits are in bytes 2 and 6 of the scales.
  const auto scales = [](block& given) {
    given.set(0, {HALF_TWO, HALF_HALF}).set(4 + 1, {5}).set(4 + 5, {7}).set(4 + 10, {0x49});
    given.set(4 + 2, {0x80}).set(4 + 6, {0xc0});
  };
  block q4(block_format::q4_k);
  scales(q4);
  q4.set(16 + 3, {0xb0}).set(16 + 96, {0x06});
  CHECK(q4.values()[32 + 3] == 10.0f * 11 - 3.5f);
  CHECK(q4.values()[32 + 4] == -3.5f);
  CHECK(q4.values()[192] == 2.0f * 41 * 6 - 0.5f * 52);
  CHECK(q4.values()[3] == 0.0f);

  block q5(block_format::q5_k);
  scales(q5);
  q5.set(16 + 3, {0x02}).set(16, {0x40}).set(48 + 3, {0xb0}).set(48 + 96, {0x06});
  CHECK(q5.values()[32 + 3] == 10.0f * 27 - 3.5f);
  CHECK(q5.values()[192] == 2.0f * 41 * 22 - 0.5f * 52);
  CHECK(q5.values()[193] == -0.5f * 52);
}

TEST_CASE("recorded blocks have their recorded values, bit for bit") {
  const char* folder = std::getenv("TROUPE_LLM_FIXTURES");
  if (!folder) {
    SUCCEED("TROUPE_LLM_FIXTURES names no folder of fixtures");
    return;
  }
  std::ifstream file(std::string(folder) + "/dequant_blocks.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(!text.empty());
  std::size_t found = 0;
  for (const block_format format : all_formats) {
    const std::string name = "\"" + std::string(to_string(format)) + "\"";
    const std::size_t at = text.find(name);
    if (at == std::string::npos) continue;
    INFO(name);
    const auto raw = from_base64(quoted_after(text, "\"raw_base64\"", at));
    const auto expected = from_base64(quoted_after(text, "\"f32_base64\"", at));
    std::vector<float> made(expected.size() / 4);
    REQUIRE(!made.empty());
    need(dequantize(format, raw, made));
    CHECK(std::memcmp(made.data(), expected.data(), expected.size()) == 0);
    ++found;
  }
  CHECK(found >= 12);
}
