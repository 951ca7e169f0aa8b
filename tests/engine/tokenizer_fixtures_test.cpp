// Every text of the reference's cases, if there is a folder of them: TROUPE_LLM_FIXTURES names it.
#include "support/llm_fixtures.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/engine/utf8.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;
using json = nlohmann::json;

std::string bytes_of_hex(const std::string& hex) {
  std::string made;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    made.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return made;
}

tokenizer open(const std::filesystem::path& model) {
  const gguf_file file = need(gguf_file::open(model));
  return need(tokenizer::from_gguf(file));
}

/// Each part by itself is fit to be shown: a code point that is whole in the end is never cut.
std::string streamed(const tokenizer& words, const std::vector<token_id>& ids, const decode_options& options) {
  text_stream stream(words, options);
  std::string all, shown;
  for (const token_id id : ids) {
    const std::string part = stream.add(id);
    all += part;
    shown += replace_invalid_utf8(part);
  }
  const std::string rest = stream.finish();
  CHECK(shown + replace_invalid_utf8(rest) == replace_invalid_utf8(all + rest));
  return all + rest;
}

}  // namespace

TEST_CASE("texts become the reference's tokens and go back", "[tokenizer][fixtures]") {
  const auto folder = fixtures("tokenizer");
  if (!folder) return;
  std::size_t cases = 0;
  for (const auto& file : json_files(*folder)) {
    const json expected = read_json(file);
    const tokenizer words = open(*folder / expected["vocab"].get<std::string>());
    for (const json& one : expected["cases"]) {
      const std::string text = one["text"];
      INFO(file.filename() << ": " << text);
      const std::vector<token_id> ids = one["ids"], bare = one["ids_special_nobos"];
      CHECK(need(words.encode(text)) == ids);
      CHECK(need(words.encode(text, {.add_special = false, .parse_special = false})) ==
            one["ids_plain"].get<std::vector<token_id>>());
      CHECK(need(words.encode(text, {.add_special = false})) == bare);

      const bool gives_back = one["detok"].is_boolean() && one["detok"].get<bool>();
      CHECK(need(words.decode(bare, {.clean_spaces = words.cleans_spaces()})) ==
            (gives_back ? text : bytes_of_hex(one["detok_hex"])));
      // The reference keeps the leading space behind the first token that it takes away.
      std::vector<token_id> shown = ids;
      const bool began = words.words().add_begin && !shown.empty();
      if (began) shown.erase(shown.begin());
      CHECK(need(words.decode(shown,
                              {.special = false, .leading_space = began, .clean_spaces = words.cleans_spaces()})) ==
            bytes_of_hex(one["detok_no_special_hex"]));
      for (const bool special : {false, true}) {
        const decode_options plain{.special = special};
        CHECK(streamed(words, bare, plain) == need(words.decode(bare, plain)));
      }
      ++cases;
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("prompts of the fixture models become the reference's tokens", "[tokenizer][fixtures]") {
  const auto folder = fixtures("models");
  if (!folder) return;
  std::size_t cases = 0;
  for (const auto& file : json_files(*folder)) {
    const json expected = read_json(file);
    const tokenizer words = open(*folder / expected["model"].get<std::string>());
    for (const json& prompt : expected["prompts"]) {
      INFO(file.filename() << ": " << prompt["text"]);
      CHECK(need(words.encode(prompt["text"].get<std::string>())) == prompt["prompt_ids"].get<std::vector<token_id>>());
      const std::vector<token_id> made = prompt["gen_ids"];
      const std::string text = streamed(words, made, {.leading_space = true});
      CHECK(replace_invalid_utf8(text) == prompt["gen_text"].get<std::string>());
      ++cases;
    }
  }
  CHECK(cases > 0);
}
