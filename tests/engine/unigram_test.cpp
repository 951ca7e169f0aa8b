#include <cstring>

#include "support/check.hpp"
#include "support/small_vocabulary.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;
using strings = std::vector<std::string>;

vocabulary unigram_words() {
  vocabulary made;
  made.kind = tokenizer_kind::unigram;
  const auto add = [&](const std::string& text, token_type type, float score) {
    made.tokens.push_back(text);
    made.types.push_back(type);
    made.scores.push_back(score);
  };
  add("<pad>", token_type::control, 0);
  add("</s>", token_type::control, 0);
  add("<unk>", token_type::unknown, 0);
  for (const auto& [text, score] :
       {std::pair{"▁", -2.0f}, {"a", -3}, {"b", -3}, {"ab", -4}, {"▁ab", -4.5f}, {"abc", -9}, {"c", -2}, {"bc", -4.5f}})
    add(text, token_type::normal, score);
  add("<x>", token_type::user_defined, 0);
  made.end = 1;
  made.unknown = 2;
  made.add_end = made.add_space_prefix = true;
  return made;
}

strings written(const vocabulary& given, std::string_view text, bool special = false) {
  const tokenizer words = need(tokenizer::make(given));
  strings made;
  for (const token_id id : need(words.encode(text, {.add_special = special})))
    made.push_back(given.tokens[static_cast<std::size_t>(id)]);
  return made;
}

/// A map of characters that makes "bb" of "B": a trie of one letter. Its root points at unit 2; "B" leads from there to
/// 2 ^ 'B', whose value lies at that place ^ 1.
std::string upper_case_map() {
  std::vector<std::uint32_t> units(256, 0);
  const std::uint32_t child = 2u ^ 'B';
  units[0] = 2u << 10;
  units[child] = 1u << 10 | 1u << 8 | 'B';
  units[child ^ 1u] = 1u << 31 | 0u;
  std::string made(4 + 4 * units.size(), '\0');
  const auto bytes = static_cast<std::uint32_t>(4 * units.size());
  std::memcpy(made.data(), &bytes, 4);
  std::memcpy(made.data() + 4, units.data(), bytes);
  return made + std::string("bb\0", 3);
}

}  // namespace

TEST_CASE("the unigram model takes the tokens whose scores have the greatest sum", "[tokenizer][unigram]") {
  const vocabulary given = unigram_words();
  CHECK(written(given, "ab") == strings{"▁ab"});        // -4.5; "▁" "ab" is -6
  CHECK(written(given, "abc") == strings{"▁ab", "c"});  // -6.5; "▁" "abc" is -11
  CHECK(written(given, "bc ab") == strings{"▁", "bc", "▁ab"});
  CHECK(written(given, "aab", true) == strings{"▁", "a", "ab", "</s>"});
  CHECK(written(given, "").empty());
}

TEST_CASE("what the unigram model does not know is one unknown token, or bytes", "[tokenizer][unigram]") {
  vocabulary given = unigram_words();
  CHECK(written(given, "a€é😀b") == strings{"▁", "a", "<unk>", "b"});
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char digits[] = "0123456789ABCDEF";
    given.tokens.push_back(std::string("<0x") + digits[byte >> 4] + digits[byte & 15] + ">");
    given.types.push_back(token_type::byte);
    given.scores.push_back(0);
  }
  CHECK(written(given, "aé") == strings{"▁", "a", "<0xC3>", "<0xA9>"});
  const tokenizer words = need(tokenizer::make(given));
  CHECK(need(words.decode(need(words.encode("ab € c", {.add_special = false})))) == "ab € c");
}

TEST_CASE("texts are normalised before unigrams are looked for", "[tokenizer][unigram]") {
  vocabulary given = unigram_words();
  CHECK(written(given, "  ab") == strings{"▁", "▁", "▁ab"});
  given.remove_extra_spaces = true;
  CHECK(written(given, "  ab  ab ") == strings{"▁ab", "▁ab"});
  given.add_space_prefix = given.remove_extra_spaces = false;
  CHECK(written(given, "ab") == strings{"ab"});
  CHECK(written(given, "ab<x>ab") == strings{"ab", "<x>", "ab"});
  given.character_map = upper_case_map();
  CHECK(written(given, "aBc") == strings{"ab", "bc"});
  CHECK(written(given, "a\xff") == strings{"a", "<unk>"});
}

TEST_CASE("a damaged map of characters is refused or does nothing worse than nonsense", "[tokenizer][unigram]") {
  vocabulary given = unigram_words();
  for (const std::string& map :
       {std::string("abc"), std::string(8, '\xff'), std::string(8, '\0'), upper_case_map().substr(0, 900)}) {
    given.character_map = map;
    CHECK_FALSE(tokenizer::make(given));
  }
  random_source random(3);
  for (int round = 0; round < 300; ++round) {
    given.character_map = upper_case_map();
    for (int i = 0; i < 40; ++i)
      given.character_map[4 + random.below(given.character_map.size() - 4)] = static_cast<char>(random.below(256));
    std::string text;
    for (int i = 0; i < 50; ++i) text.push_back(static_cast<char>(random.below(256)));
    need(need(tokenizer::make(given)).encode(text));
  }
}

TEST_CASE("unigram vocabularies that cannot cover a text are refused", "[tokenizer][unigram]") {
  vocabulary given = unigram_words();
  given.unknown.reset();
  CHECK_FALSE(tokenizer::make(given));
  given = unigram_words();
  given.tokens[4] = std::string(300, 'a');
  CHECK_FALSE(tokenizer::make(given));
  given = unigram_words();
  given.scores.clear();
  CHECK_FALSE(tokenizer::make(given));
}
