#include "tokenizer/pre_tokenizer.hpp"

#include "support/check.hpp"
#include "tokenizer/character.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;
using rule = pre_tokenizer::rule;
using words = std::vector<std::string_view>;

}  // namespace

TEST_CASE("characters have the classes of Unicode", "[tokenizer]") {
  const auto kind = [](std::string_view text) { return character_at(text, 0).kind; };
  for (const char* text : {"a", "Z", "é", "ß", "你", "ا", "ǅ", "ª", "𠀀"}) CHECK(kind(text) == character_class::letter);
  for (const char* text : {"0", "9", "½", "²", "Ⅷ", "٣"}) CHECK(kind(text) == character_class::number);
  for (const char* text : {" ", "\t", "\n", "\r", "\v", "\f", "\u00a0", "\u3000", "\u2028", "\u1680"})
    CHECK(kind(text) == character_class::space);
  for (const char* text : {"!", "'", "_", "€", "\u0301", "\u200b", "😀", "\x01", "\x7f", "\u0378", "\xff", "\xc3"})
    CHECK(kind(text) == character_class::other);
  CHECK(kind("") == character_class::none);
  CHECK(kind({"\0", 1}) == character_class::other);
  CHECK(character_at("aé", 1).bytes == 2);
  CHECK(character_at("a\xc3", 1).bytes == 1);
  CHECK(is_punctuation('!'));
  CHECK(is_punctuation(0x3001));
  CHECK_FALSE(is_punctuation('+'));
}

TEST_CASE("GPT-2 cuts words with their space, numbers, signs and contractions", "[tokenizer]") {
  const auto cut = [](std::string_view text) { return words_of(text, rule::gpt2); };
  CHECK(cut("").empty());
  CHECK(cut("Hello world") == words{"Hello", " world"});
  CHECK(cut("it's IT'S we'll o'clock") == words{"it", "'s", " IT", "'", "S", " we", "'ll", " o", "'", "clock"});
  CHECK(cut("a12345!?b") == words{"a", "12345", "!?", "b"});
  CHECK(cut(" 12 !!") == words{" 12", " !!"});
  CHECK(cut("a   b") == words{"a", "  ", " b"});
  CHECK(cut("a \n b") == words{"a", " \n", " b"});
  CHECK(cut("a  ") == words{"a", "  "});
  CHECK(cut("a\tb") == words{"a", "\t", "b"});
  CHECK(cut("a\t\tb") == words{"a", "\t", "\t", "b"});
  CHECK(cut("'") == words{"'"});
  CHECK(cut("e\u0301") == words{"e", "\u0301"});
  CHECK(cut("a\xff\xc3z") == words{"a", "\xff\xc3", "z"});
}

TEST_CASE("Llama 3 and Qwen 2 keep a sign with the word and cut numbers", "[tokenizer]") {
  const auto cut = [](std::string_view text) { return words_of(text, rule::llama3); };
  CHECK(cut("Hello (world)") == words{"Hello", " (", "world", ")"});
  CHECK(cut("Hello,world") == words{"Hello", ",world"});
  CHECK(cut("\tdef") == words{"\tdef"});
  CHECK(cut("IT'S") == words{"IT", "'S"});
  CHECK(cut("a12345") == words{"a", "123", "45"});
  CHECK(cut(" 12") == words{" ", "12"});
  CHECK(cut("a!\n\nb") == words{"a", "!\n\n", "b"});
  CHECK(cut("a \n\n  b") == words{"a", " \n\n", " ", " b"});
  CHECK(cut("a  12") == words{"a", " ", " ", "12"});
  CHECK(cut("x \r\n") == words{"x", " \r\n"});
  CHECK(words_of("a12345", rule::qwen2) == words{"a", "1", "2", "3", "4", "5"});
  CHECK(words_of("IT'S a.b", rule::qwen2) == words{"IT", "'S", " a", ".b"});
}

TEST_CASE("other rules cut in several passes", "[tokenizer]") {
  CHECK(words_of("a 123 b", rule::digits_gpt2) == words{"a", " ", "1", "2", "3", " b"});
  CHECK(words_of("Hi, 12345!", rule::punctuated) == words{"Hi", ",", " ", "123", "45", "!"});
  CHECK(words_of("a==b", rule::punctuated) == words{"a", "==", "b"});
  CHECK(words_of("x 1234", rule::falcon) == words{"x", " ", "123", "4"});
}

TEST_CASE("whatever the text, its words are all of it", "[tokenizer]") {
  random_source random(9);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t n = random.below(30); n > 0; --n) {
      static constexpr std::string_view likely = "a1 '\n\r!s\xc3\xa9\t";
      text.push_back(random.below(4) == 0 ? static_cast<char>(random.below(256)) : likely[random.below(likely.size())]);
    }
    for (const rule one : {rule::gpt2, rule::llama3, rule::qwen2, rule::digits_gpt2, rule::punctuated, rule::falcon}) {
      std::string joined;
      for (const std::string_view word : words_of(text, one)) {
        CHECK_FALSE(word.empty());
        joined += word;
      }
      CHECK(joined == text);
    }
  }
}

TEST_CASE("pre-tokenizers are known by the names in files", "[tokenizer]") {
  for (const char* name : {"gpt-2", "llama-bpe", "llama3", "qwen2", "default", "smollm"})
    CHECK(pre_tokenizer_named(name).has_value());
  CHECK_FALSE(pre_tokenizer_named("gpt-3"));
  CHECK(pre_tokenizer_names().find("qwen2") != std::string::npos);
}
