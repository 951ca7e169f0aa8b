#include "support/check.hpp"
#include "support/gguf_builder.hpp"
#include "support/small_vocabulary.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;

std::vector<std::int32_t> numbers_of(const std::vector<token_type>& types) {
  std::vector<std::int32_t> made;
  for (const token_type type : types) made.push_back(static_cast<std::int32_t>(type));
  return made;
}

gguf_builder file_of(const vocabulary& words) {
  gguf_builder made;
  const bool pairs = words.kind == tokenizer_kind::byte_pair;
  made.text("tokenizer.ggml.model", pairs ? "gpt2" : "llama").texts("tokenizer.ggml.tokens", words.tokens);
  made.list("tokenizer.ggml.token_type", numbers_of(words.types));
  if (pairs)
    made.texts("tokenizer.ggml.merges", words.merges);
  else
    made.list("tokenizer.ggml.scores", words.scores);
  return made;
}

result<tokenizer> read(const gguf_builder& built) {
  const auto bytes = std::make_shared<const std::vector<std::byte>>(built.build().bytes);
  const gguf_file file = need(gguf_file::parse(*bytes, bytes));
  return tokenizer::from_gguf(file);
}

std::string refusal(const gguf_builder& built, errc code = errc::invalid_argument) {
  const auto made = read(built);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == code);
  return made.error().message();
}

}  // namespace

TEST_CASE("a file's vocabulary is read with the defaults of its kind", "[tokenizer][gguf]") {
  const tokenizer sentence = need(read(file_of(sentence_words())));
  CHECK(sentence.words().add_begin);
  CHECK(sentence.words().add_space_prefix);
  CHECK_FALSE(sentence.words().add_end);
  CHECK(sentence.words().begin == 1);
  CHECK(sentence.words().unknown == 0);
  CHECK(need(sentence.encode("abd</s>")) == need(need(tokenizer::make(sentence_words())).encode("abd</s>")));

  vocabulary given = byte_pair_words();
  const tokenizer plain = need(read(file_of(given)));
  CHECK_FALSE(plain.words().add_begin);
  CHECK_FALSE(plain.words().begin.has_value());
  CHECK(plain.words().pre_tokenizer == "default");
  const tokenizer llama = need(read(
      file_of(given).text("tokenizer.ggml.pre", "llama-bpe").value<std::uint32_t>("tokenizer.ggml.bos_token_id", 5)));
  CHECK(llama.words().add_begin);
  CHECK(need(llama.encode("low")).front() == 5);
}

TEST_CASE("a file's flags and ids count", "[tokenizer][gguf]") {
  const tokenizer words = need(read(file_of(sentence_words())
                                        .value<std::uint32_t>("tokenizer.ggml.bos_token_id", 300 - 40)
                                        .value<std::uint32_t>("tokenizer.ggml.eos_token_id", 261)
                                        .value<std::uint32_t>("tokenizer.ggml.eot_token_id", 262)
                                        .value("tokenizer.ggml.add_bos_token", false)
                                        .value("tokenizer.ggml.add_eos_token", true)
                                        .value("tokenizer.ggml.add_space_prefix", false)
                                        .text("tokenizer.chat_template", "{{ messages }}")
                                        .text("general.name", "My Phi-3 model")));
  CHECK(words.words().begin == 260);
  CHECK(need(words.encode("")) == std::vector<token_id>{261});
  CHECK(need(words.encode("a", {.add_special = false})) == std::vector<token_id>{id_of(words.words(), "a")});
  CHECK(words.ends_generation(261));
  CHECK(words.ends_generation(262));
  CHECK(words.words().chat_template == "{{ messages }}");
  // Phi-3's tokenizer strips behind all special tokens but three.
  CHECK(need(words.encode("</s> a", {.add_special = false})).size() == 2);
  CHECK(need(words.encode("<s> a", {.add_special = false})).size() == 2);
  CHECK(need(words.decode(need(words.encode("<s> a", {.add_special = false})))) == "<s> a");
}

TEST_CASE("a file without a usable vocabulary is refused by the key that is wrong", "[tokenizer][gguf]") {
  CHECK(refusal(gguf_builder()).find("tokenizer.ggml.model") != std::string::npos);
  CHECK(refusal(gguf_builder().text("tokenizer.ggml.model", "rwkv"), errc::unsupported).find("rwkv") !=
        std::string::npos);
  CHECK(refusal(gguf_builder().text("tokenizer.ggml.model", "gpt2")).find("tokenizer.ggml.tokens") !=
        std::string::npos);
  CHECK(refusal(gguf_builder().text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", {"a"}))
            .find("tokenizer.ggml.scores") != std::string::npos);
  CHECK(refusal(gguf_builder().text("tokenizer.ggml.model", "gpt2").texts("tokenizer.ggml.tokens", {"a"}))
            .find("tokenizer.ggml.merges") != std::string::npos);
  gguf_builder types;
  types.text("tokenizer.ggml.model", "llama").texts("tokenizer.ggml.tokens", {"a"});
  CHECK(refusal(types.list<std::int32_t>("tokenizer.ggml.token_type", {257})).find("257") != std::string::npos);
  const auto with = [](std::string_view key, auto value) { return file_of(sentence_words()).value(key, value); };
  CHECK(refusal(with("tokenizer.ggml.bos_token_id", std::uint32_t{100000})).find("100000") != std::string::npos);
  CHECK(refusal(with("tokenizer.ggml.eos_token_id", std::uint64_t{1} << 40)).find("eos_token_id") != std::string::npos);
  CHECK(refusal(with("tokenizer.ggml.eos_token_id", std::int32_t{-1})).find("eos_token_id") != std::string::npos);
  CHECK(refusal(with("tokenizer.ggml.add_bos_token", 1.5f)).find("add_bos_token") != std::string::npos);
  CHECK(refusal(file_of(byte_pair_words()).text("tokenizer.ggml.pre", "other"), errc::unsupported).find("other") !=
        std::string::npos);
}
