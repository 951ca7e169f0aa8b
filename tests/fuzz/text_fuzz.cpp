// Texts that become tokens and texts again. The first byte of an input chooses the vocabulary.
#include "fuzz_target.hpp"
#include "support/need.hpp"
#include "support/small_vocabulary.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace troupe::test {
namespace {

const std::vector<tokenizer>& tokenizers() {
  static const std::vector<tokenizer> made{
      need(tokenizer::make(byte_pair_words("gpt-2"))), need(tokenizer::make(byte_pair_words("llama-bpe"))),
      need(tokenizer::make(byte_pair_words("qwen2"))), need(tokenizer::make(sentence_words()))};
  return made;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  tokenizers();  // what they take is not an input's
  std::vector<fuzz_seed> seeds;
  const std::pair<const char*, std::string> texts[] = {
      {"plain", "the lower new lowest 123 4567 it's we'll"},
      {"special", "<|begin|>low<|im_end|><tool><|im_end|"},
      {"unicode", "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x8e\xad \xe4\xb8\xad\xe6\x96\x87 \xcc\x81"},
      {"broken", "\xff\xfe\xc3 \xe2\x82 \xf0\x9f \xed\xa0\x80 \xc0\x80"},
      {"spaces", std::string(300, ' ') + "\r\n\t\n\n  x"},
      {"repeated", std::string(4000, 'l')},
      {"merges", [] {
         std::string text;
         while (text.size() < 4000) text += "lower";
         return text;
       }()}};
  for (const auto& [name, text] : texts)
    for (char which = 0; which < 4; ++which) seeds.push_back({name + std::to_string(which), to_bytes(which + text)});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  if (input.empty()) return false;
  const std::size_t which = std::to_integer<std::size_t>(input[0]) % tokenizers().size();
  const tokenizer& words = tokenizers()[which];
  const std::string_view text = text_of(input.subspan(1));
  const auto tokens =
      words.encode(text, {.add_special = false, .parse_special = (input[0] & std::byte{4}) != std::byte{0}});
  if (!tokens) return false;
  for (const token_id token : *tokens)
    fuzz_require(token >= 0 && static_cast<std::size_t>(token) < words.size(), "a token is none of the vocabulary");
  const auto again = words.decode(*tokens, {.special = true, .leading_space = true});
  fuzz_require(again.has_value(), "tokens that were made from a text have none");
  // Byte pairs cover every byte and change nothing.
  if (which < 3) fuzz_require(*again == text, "a text is another one when it comes back from tokens");
  text_stream stream(words, {.special = true, .leading_space = true});
  std::string streamed;
  for (const token_id token : *tokens) streamed += stream.add(token);
  streamed += stream.finish();
  fuzz_require(streamed == *again, "tokens one by one say something else than all together");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 128 * input_bytes + 65'536;
}

}  // namespace troupe::test
