#include "troupe/engine/tokenizer.hpp"

#include "support/check.hpp"
#include "support/small_vocabulary.hpp"
#include "troupe/engine/limits.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;
using strings = std::vector<std::string>;

constexpr encode_options bare{.add_special = false};
constexpr encode_options typed{.add_special = false, .parse_special = false};

/// The tokens of a text as the vocabulary writes them.
strings written(const tokenizer& words, std::string_view text, const encode_options& options = bare) {
  strings made;
  for (const token_id id : need(words.encode(text, options)))
    made.push_back(words.words().tokens[static_cast<std::size_t>(id)]);
  return made;
}

std::string refusal(vocabulary words, errc code = errc::invalid_argument) {
  const auto made = tokenizer::make(std::move(words));
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == code);
  return made.error().message();
}

/// Letters, spaces, line ends, digits, accents, other scripts, bytes that are not UTF-8, and special tokens.
std::string random_text(random_source& random, std::size_t parts) {
  static const strings pieces{"a",     "abc",  "bc",           "cd",           " ",          "  ",
                              "\n",    "\r\n", "low",          "er",           "'s",         "1",
                              "123",   "é",    "\xc3",         "\x80",         "\xf0\x9f",   "😀",
                              "你好",  "\xff", "<s>",          "</s>",         "<|im_end|>", "<tool>",
                              "<|im_", "!",    "\xe2\x96\x81", "\xed\xa0\x80", "\0x"};
  std::string made;
  for (std::size_t i = 0; i < parts; ++i) {
    if (random.below(8) == 0)
      made.push_back(static_cast<char>(random.below(256)));
    else
      made += pieces[random.below(pieces.size())];
  }
  return made;
}

}  // namespace

TEST_CASE("byte pairs are joined in the order of the merges", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(byte_pair_words()));
  CHECK(written(words, "low") == strings{"low"});
  CHECK(written(words, " lower") == strings{"Ġlower"});
  // "Ġ" and "low" join before "low" and "er" could: there is no such merge.
  CHECK(written(words, "lower") == strings{"low", "er"});
  CHECK(written(words, "slow newer") == strings{"s", "low", "Ġnew", "er"});
  CHECK(written(words, "lll") == strings{"ll", "l"});
  CHECK(written(words, "llll") == strings{"ll", "ll"});
  CHECK(written(words, "llo") == strings{"l", "lo"});
  CHECK(written(words, "").empty());
  CHECK(written(words, "é\n") == strings{"Ã", "©", "Ċ"});
}

TEST_CASE("a word that is a token needs no merges where the family says so", "[tokenizer]") {
  vocabulary given = byte_pair_words("llama-bpe");
  given.tokens.push_back("Ġwhole");
  given.types.push_back(token_type::normal);
  CHECK(written(need(tokenizer::make(given)), " whole") == strings{"Ġwhole"});
  given.pre_tokenizer = "qwen2";
  CHECK(written(need(tokenizer::make(given)), " whole").size() == 6);
}

TEST_CASE("SentencePiece joins what makes the best score, and the rest is bytes", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(sentence_words()));
  CHECK(written(words, "a") == strings{"▁a"});
  // "▁a" has the best score of all, so "ab" cannot be made any more, nor "abc" of it.
  CHECK(written(words, "abd") == strings{"▁a", "b", "d"});
  CHECK(written(words, "abc") == strings{"▁abc"});
  CHECK(written(words, "babc") == strings{"▁", "b", "abc"});
  CHECK(written(words, "b  b") == strings{"▁", "b", "▁▁", "b"});
  CHECK(written(words, "dé€") == strings{"▁", "d", "é", "<0xE2>", "<0x82>", "<0xAC>"});
  CHECK(written(words, "\xc3") == strings{"▁", "<0xC3>"});
  CHECK(written(words, "").empty());
  // Of pieces with the same score the leftmost goes first.
  vocabulary equal = sentence_words();
  for (float& score : equal.scores) score = 0;
  CHECK(written(need(tokenizer::make(equal)), "cdcd") == strings{"▁", "cd", "cd"});
  CHECK(written(need(tokenizer::make(equal)), "bcd") == strings{"▁", "bc", "d"});
}

TEST_CASE("the tokens that begin and end a prompt are added where the vocabulary says so", "[tokenizer]") {
  vocabulary given = sentence_words();
  CHECK(need(need(tokenizer::make(given)).encode("")) == std::vector<token_id>{1});
  given.add_end = true;
  CHECK(written(need(tokenizer::make(given)), "a", {}) == strings{"<s>", "▁a", "</s>"});
  CHECK(written(need(tokenizer::make(given)), "a") == strings{"▁a"});
  given.add_begin = false;
  CHECK(written(need(tokenizer::make(given)), "a", {}) == strings{"▁a", "</s>"});
  given.add_space_prefix = false;
  CHECK(written(need(tokenizer::make(given)), "a", {}) == strings{"a", "</s>"});
}

TEST_CASE("special tokens are recognised in the text, or not", "[tokenizer]") {
  const tokenizer pairs = need(tokenizer::make(byte_pair_words()));
  CHECK(written(pairs, "low<|im_end|>er") == strings{"low", "<|im_end|>", "er"});
  CHECK(written(pairs, "<|im_end|><|im_end|>") == strings{"<|im_end|>", "<|im_end|>"});
  CHECK(written(pairs, "<|im_end|").size() == 9);
  CHECK(written(pairs, "<|im_end|>", typed).size() == 10);
  // User-defined tokens are part of the language in either case.
  CHECK(written(pairs, "low<tool>", typed) == strings{"low", "<tool>"});

  const tokenizer sentence = need(tokenizer::make(sentence_words()));
  CHECK(written(sentence, "<s> a</s>a") == strings{"<s>", "▁", "▁a", "</s>", "▁a"});
  CHECK(written(sentence, "<s>", typed) == strings{"▁", "<0x3C>", "<0x73>", "<0x3E>"});
}

TEST_CASE("typed text never becomes a control token", "[tokenizer]") {
  // Pieces from which "<s>" and "<0x41>" could be joined.
  vocabulary given = sentence_words();
  for (const char* piece : {"<s", "<", "s", ">", "<0", "<0x", "<0x4", "<0x41", "0", "x", "4", "1"}) {
    given.tokens.push_back(piece);
    given.types.push_back(token_type::normal);
    given.scores.push_back(-1);
  }
  const tokenizer sentence = need(tokenizer::make(given));
  CHECK(written(sentence, "<s>", typed) == strings{"▁", "<s", ">"});
  CHECK(written(sentence, "<0x41>", typed) == strings{"▁", "<0x41", ">"});
  // The same by merges.
  vocabulary pairs = byte_pair_words();
  pairs.tokens.insert(pairs.tokens.end(), {"<s", "<s>"});
  pairs.types.insert(pairs.types.end(), {token_type::normal, token_type::control});
  pairs.merges.insert(pairs.merges.end(), {"< s", "<s >"});
  CHECK(written(need(tokenizer::make(pairs)), "<s>", typed) == strings{"<", "s", ">"});
}

TEST_CASE("of special tokens that overlap the longer one counts", "[tokenizer]") {
  vocabulary given = byte_pair_words();
  for (const char* text : {"<a>", "<a><b>", "x<a", "aaa", "aa"}) {
    given.tokens.push_back(text);
    given.types.push_back(token_type::control);
  }
  const tokenizer words = need(tokenizer::make(given));
  CHECK(written(words, "<a><b>") == strings{"<a><b>"});
  CHECK(written(words, "<a><a><b><a>") == strings{"<a>", "<a><b>", "<a>"});
  CHECK(written(words, "x<a") == strings{"x<a"});
  CHECK(written(words, "x<a>") == strings{"x", "<a>"});  // as long as "x<a", and the lower id
  CHECK(written(words, "x<a><b>") == strings{"x", "<a><b>"});
  CHECK(written(words, "aaaaa") == strings{"aaa", "aa"});
  CHECK(written(words, "aaaa") == strings{"aaa", "a"});
}

TEST_CASE("white space behind special tokens disappears where the family says so", "[tokenizer]") {
  vocabulary given = sentence_words();
  given.strip_after_special = true;
  given.keeps_space_after = {"<s>"};
  const tokenizer words = need(tokenizer::make(given));
  CHECK(written(words, "</s> \n\ta") == strings{"</s>", "▁a"});
  CHECK(written(words, "</s>  ") == strings{"</s>"});
  CHECK(written(words, "<s> a") == strings{"<s>", "▁", "▁a"});
}

TEST_CASE("decoding gives the text back", "[tokenizer]") {
  const tokenizer pairs = need(tokenizer::make(byte_pair_words()));
  const tokenizer sentence = need(tokenizer::make(sentence_words()));
  random_source random(2);
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random, random.below(12));
    INFO(round << ": " << text);
    for (const encode_options& how : {bare, typed}) {
      CHECK(need(pairs.decode(need(pairs.encode(text, how)))) == text);
      if (text.find("\xe2\x96\x81") == std::string::npos &&
          (!how.parse_special || text.find("s>") == std::string::npos))
        CHECK(need(sentence.decode(need(sentence.encode(text, how)))) == text);
    }
    // Without special tokens in the result, the first of a prompt is not there.
    CHECK(need(pairs.decode(need(pairs.encode(text, {.parse_special = false})), {.special = false})) == text);
  }
}

TEST_CASE("the space before the first word goes away, or stays where text goes on", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(sentence_words()));
  const std::vector<token_id> ids = need(words.encode("a a", bare));
  CHECK(need(words.decode(ids)) == "a a");
  CHECK(need(words.decode(ids, {.leading_space = true})) == " a a");
  const std::vector<token_id> begun = need(words.encode("a a"));
  CHECK(need(words.decode(begun)) == "<s> a a");
  CHECK(need(words.decode(begun, {.special = false})) == "a a");
}

TEST_CASE("cleaning takes out spaces that older vocabularies leave", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(byte_pair_words()));
  CHECK(words.cleans_spaces());
  CHECK_FALSE(need(tokenizer::make(byte_pair_words("qwen2"))).cleans_spaces());
  const auto cleaned = [&](std::string_view text) {
    return need(words.decode(need(words.encode(text, bare)), {.clean_spaces = true}));
  };
  CHECK(cleaned("a , b . c ! d ?") == "a, b. c! d?");
  CHECK(cleaned("rock ' roll") == "rock'roll");
  CHECK(cleaned("it 's we 're I 'm you 've he 'd don 't you 'll") == "it's we're I'm you've he 'd don 't you 'll");
  CHECK(cleaned(" ") == " ");
  CHECK(cleaned("") == "");
}

TEST_CASE("streamed text holds back what is not whole", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(sentence_words()));
  const auto id = [&](const std::string& text) { return id_of(words.words(), text); };
  text_stream stream(words);
  CHECK(stream.add(id("▁a")) == " a");
  CHECK(stream.add(id("<0xE2>")) == "");
  CHECK(stream.add(id("<0x82>")) == "");
  CHECK(stream.add(id("<0xAC>")) == "€");
  CHECK(stream.add(id("</s>")) == "");
  // What can become nothing any more comes out as it is, and what follows it is looked at afresh.
  CHECK(stream.add(id("<0xE2>")) == "");
  CHECK(stream.add(id("<0xC3>")) == "\xe2");
  CHECK(stream.add(id("<0xA9>")) == "é");
  CHECK(stream.add(id("<0xF0>")) == "");
  CHECK(stream.add(id("b")) ==
        "\xf0"
        "b");
  CHECK(stream.add(id("<0xF0>")) == "");
  CHECK(stream.finish() == "\xf0");
  CHECK(stream.finish() == "");
  CHECK(stream.add(-1) == "");
  CHECK(stream.add(1 << 30) == "");

  text_stream fresh(words, {.special = true});
  CHECK(fresh.add(id("▁a")) == "a");
  CHECK(fresh.add(id("▁a")) == " a");
  CHECK(fresh.add(id("</s>")) == "</s>");
}

TEST_CASE("streamed text is the decoded text, cut at code points", "[tokenizer]") {
  const tokenizer pairs = need(tokenizer::make(byte_pair_words()));
  random_source random(3);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random, random.below(12));
    text_stream stream(pairs);
    std::string all, shown;
    for (const token_id id : need(pairs.encode(text, typed))) {
      const std::string part = stream.add(id);
      all += part;
      shown += replace_invalid_utf8(part);
    }
    const std::string rest = stream.finish();
    CHECK(all + rest == text);
    CHECK(shown + replace_invalid_utf8(rest) == replace_invalid_utf8(text));
  }
}

TEST_CASE("pieces, kinds and ends of tokens", "[tokenizer]") {
  vocabulary given = byte_pair_words();
  given.tokens.push_back("<|endoftext|>");
  given.types.push_back(token_type::normal);
  const tokenizer words = need(tokenizer::make(given));
  const auto id = [&](const std::string& text) { return id_of(given, text); };
  CHECK(words.size() == given.tokens.size());
  CHECK(words.piece(id("Ġlow")) == " low");
  CHECK(words.piece(id("Ã")) == "\xc3");
  CHECK(words.piece(id("<tool>"), false) == "<tool>");
  CHECK(words.piece(id("<|begin|>")) == "<|begin|>");
  CHECK(words.piece(id("<|begin|>"), false) == "");
  CHECK(words.piece(-1) == "");
  CHECK(words.is_special(id("<|im_end|>")));
  CHECK_FALSE(words.is_special(id("low")));
  CHECK_FALSE(words.is_special(-1));
  CHECK(words.ends_generation(id("<|im_end|>")));
  CHECK_FALSE(words.ends_generation(id("<|begin|>")));
  CHECK_FALSE(words.ends_generation(-7));
  // Known by its name, whatever its type: letters do not make it.
  CHECK(words.ends_generation(id("<|endoftext|>")));
  CHECK(words.is_special(id("<|endoftext|>")));
}

TEST_CASE("tokens that do not exist are not decoded", "[tokenizer]") {
  const tokenizer words = need(tokenizer::make(byte_pair_words()));
  for (const token_id id : {-1, static_cast<token_id>(words.size()), 1 << 30}) {
    const auto made = words.decode(std::vector<token_id>{0, id});
    REQUIRE_FALSE(made);
    CHECK(made.error().message().find(std::to_string(id)) != std::string::npos);
  }
}

TEST_CASE("bytes without a token become the unknown one, or an error", "[tokenizer]") {
  vocabulary given = byte_pair_words();
  given.tokens[static_cast<std::size_t>(id_of(given, "z"))] = "zz";
  const auto refused = need(tokenizer::make(given)).encode("a z", bare);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("0x7a") != std::string::npos);
  given.unknown = id_of(given, "?");
  CHECK(written(need(tokenizer::make(given)), "az") == strings{"a", "?"});

  vocabulary sentence = sentence_words();
  sentence.types[3 + 'x'] = token_type::normal;  // "<0x78>" is a text now
  CHECK(written(need(tokenizer::make(sentence)), "x") == strings{"▁", "<unk>"});
  sentence.unknown.reset();
  CHECK(refusal(sentence).find("0x78") != std::string::npos);
}

TEST_CASE("vocabularies that are wrong are refused with what is wrong", "[tokenizer]") {
  const auto with = [](auto change, vocabulary given = byte_pair_words()) {
    change(given);
    return given;
  };
  CHECK(refusal({}).find("0 tokens") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.types.pop_back(); })).find("types") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.tokens[3] = v.tokens[9]; })).find("3 and 9") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.begin = 100000; })).find("100000") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.end_of_turn = -2; })).find("-2") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.begin.reset(); })).find("start") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.types[5] = token_type::byte; })).find("token 5") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.types[5] = static_cast<token_type>(9); })).find("type 9") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.tokens[5] = std::string(5000, 'a'); })).find("5000") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.merges.push_back("ab"); })).find("merge 12") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.merges.push_back("a "); })).find("merge 12") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.merges.push_back(" a"); })).find("merge 12") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.merges.push_back("a b"); })).find("\"ab\"") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.merges.push_back("xyz b"); })).find("\"xyz\"") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.pre_tokenizer = "gpt-99"; }), errc::unsupported).find("gpt-99") !=
        std::string::npos);
  CHECK(refusal(with([](auto& v) { v.scores.pop_back(); }, sentence_words())).find("scores") != std::string::npos);
  CHECK(refusal(with([](auto& v) { v.scores[4] = std::nanf(""); }, sentence_words())).find("token 4") !=
        std::string::npos);
}

TEST_CASE("long texts take time that grows hardly faster than they do", "[tokenizer]") {
  // No spaces, one word: what a quadratic algorithm would need days for.
  std::string text(std::size_t{1} << 20, 'l');
  for (std::size_t i = 0; i < text.size(); i += 3) text[i] = 'o';
  for (const std::string& one : {text, std::string(std::size_t{1} << 20, ' '), std::string(std::size_t{1} << 20, '1')})
    for (const vocabulary& given :
         {byte_pair_words(), byte_pair_words("llama-bpe"), byte_pair_words("default"), sentence_words()}) {
      const tokenizer words = need(tokenizer::make(given));
      CHECK(need(words.decode(need(words.encode(one, bare)))) == one);
    }
  const tokenizer words = need(tokenizer::make(byte_pair_words()));
  const auto refused = words.encode(std::string(limits::prompt_bytes_max + 1, 'a'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::invalid_argument);
}

TEST_CASE("special tokens that are made to be slow are not", "[tokenizer]") {
  // Each is a prefix of the text nearly everywhere, and none but the last is there to the end.
  vocabulary given = byte_pair_words();
  for (std::size_t length = 2; length < 1500; length += 3) {
    given.tokens.push_back(std::string(length, 'a') + "!");
    given.types.push_back(token_type::control);
  }
  const tokenizer words = need(tokenizer::make(given));
  const std::string text(std::size_t{1} << 19, 'a');
  CHECK(need(words.encode(text, bare)).size() == text.size());
}

TEST_CASE("random vocabularies are refused or give texts back", "[tokenizer]") {
  random_source random(7);
  std::size_t made = 0;
  for (int round = 0; round < 3000; ++round) {
    INFO("round " << round);
    vocabulary given = random.below(2) == 0 ? byte_pair_words() : sentence_words();
    for (std::uint64_t change = random.below(4); change > 0; --change) {
      const std::size_t at = random.below(given.tokens.size());
      switch (random.below(8)) {
        case 0: given.tokens[at] = random_text(random, random.below(3)); break;
        case 1: given.types[at] = static_cast<token_type>(random.below(8)); break;
        case 2: given.merges.push_back(random_text(random, 1) + " " + random_text(random, 1)); break;
        case 3: given.begin = static_cast<token_id>(random.next()); break;
        case 4: given.unknown = static_cast<token_id>(random.below(300)); break;
        case 5: given.tokens.pop_back(), given.types.pop_back(); break;
        case 6:
          given.tokens.push_back(given.tokens[at] + given.tokens[random.below(given.tokens.size())]);
          given.types.push_back(static_cast<token_type>(1 + random.below(6)));
          given.scores.resize(given.scores.empty() ? 0 : given.tokens.size(), random.uniform(-20, 20));
          break;
        default: given.merges.push_back(given.tokens[at] + " " + given.tokens[random.below(given.tokens.size())]);
      }
    }
    const auto words = tokenizer::make(given);
    if (!words) {
      CHECK(words.error().message().size() > 10);
      continue;
    }
    ++made;
    for (int i = 0; i < 5; ++i) {
      const auto tokens = words->encode(random_text(random, random.below(20)), {.parse_special = random.below(2) == 0});
      if (!tokens) continue;
      CHECK(words->decode(*tokens).has_value());
      text_stream stream(*words);
      for (const token_id id : *tokens) stream.add(id);
    }
  }
  CHECK(made > 1000);
}
