#include "troupe/engine/chat_template.hpp"

#include "support/check.hpp"
#include "support/small_vocabulary.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/tokenizer.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;

const std::vector<chat_message> talk = {
    {"system", "Be brief."}, {"user", "Hi"}, {"assistant", "Hello."}, {"user", "Who are you?"}};

std::string prompt(std::string_view name, const std::vector<chat_message>& messages = talk, bool answer_next = true) {
  return need(need(chat_template::named(name)).prompt(messages, answer_next));
}

std::string name_of(std::string_view jinja) {
  return std::string(need(chat_template::recognised(jinja)).name());
}

}  // namespace

TEST_CASE("each layout writes a conversation as its models know it", "[chat]") {
  CHECK(prompt("chatml") ==
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n");
  CHECK(prompt("llama-2") ==
        "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] Who are you? [/INST]");
  CHECK(prompt("llama-3") ==
        "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nWho are you?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n");
  CHECK(prompt("gemma") ==
        "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
        "<start_of_turn>user\nWho are you?<end_of_turn>\n<start_of_turn>model\n");
  CHECK(prompt("phi-3") ==
        "<|system|>\nBe brief.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello.<|end|>\n"
        "<|user|>\nWho are you?<|end|>\n<|assistant|>\n");
  CHECK(prompt("mistral") == "[INST] Be brief.\n\nHi [/INST]Hello.</s>[INST] Who are you? [/INST]");
  CHECK(prompt("mistral-v3") == "[INST] Be brief.\n\nHi[/INST] Hello.</s>[INST] Who are you?[/INST]");
  CHECK(prompt("mistral-tekken") == "[INST]Be brief.\n\nHi[/INST]Hello.</s>[INST]Who are you?[/INST]");
  CHECK(prompt("zephyr") ==
        "<|system|>\nBe brief.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello.</s>\n"
        "<|user|>\nWho are you?</s>\n<|assistant|>\n");
}

TEST_CASE("a conversation can end with its last message", "[chat]") {
  CHECK(prompt("chatml", {{"user", "Hi"}}, false) == "<|im_start|>user\nHi<|im_end|>\n");
  CHECK(prompt("gemma", {{"user", "Hi"}}, false) == "<start_of_turn>user\nHi<end_of_turn>\n");
  CHECK(prompt("chatml", {}) == "<|im_start|>assistant\n");
  CHECK(prompt("llama-2", {}) == "");
}

TEST_CASE("contents are trimmed where the layout does so", "[chat]") {
  CHECK(prompt("llama-3", {{"user", " \nHi there\t "}}, false) ==
        "<|start_header_id|>user<|end_header_id|>\n\nHi there<|eot_id|>");
  CHECK(prompt("llama-3", {{"user", " \n "}}, false) == "<|start_header_id|>user<|end_header_id|>\n\n<|eot_id|>");
  CHECK(prompt("chatml", {{"user", " Hi "}}, false) == "<|im_start|>user\n Hi <|im_end|>\n");
}

TEST_CASE("the template of a file is recognised by its marks", "[chat]") {
  CHECK(name_of("{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}") == "chatml");
  CHECK(name_of("{{ '<|start_header_id|>' + role + '<|end_header_id|>\\n\\n' }}") == "llama-3");
  CHECK(name_of("{{ '<start_of_turn>' + role }}") == "gemma");
  CHECK(name_of("{{ '<<SYS>>\\n' }}{{ bos_token + '[INST] ' + content + ' [/INST]' }}") == "llama-2");
  CHECK(name_of("{{ '[INST] ' + message['content'] + ' [/INST]' }}") == "mistral");
  CHECK(name_of("{{ \"[INST] \" + message[\"content\"] + \"[/INST]\" }}") == "mistral-v3");
  CHECK(name_of("{{ \"[INST]\" + message[\"content\"] + \"[/INST]\" }}") == "mistral-tekken");
  CHECK(name_of("{{ '<|user|>' + '\\n' }}{{ '<|end|>' }}{{ '<|assistant|>' }}") == "phi-3");
  CHECK(name_of("{{ '<|user|>\\n' + content + eos_token }}{{ '<|assistant|>' }}") == "zephyr");
  for (const char* other :
       {"", "{{ messages }}", "<|im_start|>user<|im_sep|>", "[SYSTEM_PROMPT] [INST]", "[gMASK]<sop><|user|>"}) {
    const auto made = chat_template::recognised(other);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::unsupported);
    CHECK(made.error().message().find("llama-3") != std::string::npos);
  }
}

TEST_CASE("a model's own template and tokens make prompts of special tokens", "[chat]") {
  vocabulary given = sentence_words();
  CHECK_FALSE(chat_template::of(need(tokenizer::make(given))));
  given.chat_template = "{{ '<|user|>\\n' + content + eos_token }}{{ '<|assistant|>' }}";
  for (const char* mark : {"<|user|>", "<|assistant|>"}) {
    given.tokens.push_back(mark);
    given.types.push_back(token_type::control);
    given.scores.push_back(0);
  }
  const tokenizer words = need(tokenizer::make(given));
  const chat_template layout = need(chat_template::of(words));
  CHECK(layout.name() == "zephyr");
  const std::string text = need(layout.prompt(std::vector<chat_message>{{"user", "abd"}}));
  CHECK(text == "<|user|>\nabd</s>\n<|assistant|>\n");
  const auto tokens = need(words.encode(text));
  CHECK(tokens.front() == 1);
  CHECK(std::count(tokens.begin(), tokens.end(), 2) == 1);
  CHECK(std::count(tokens.begin(), tokens.end(), id_of(given, "<|user|>")) == 1);
}

TEST_CASE("messages that no layout has are refused", "[chat]") {
  const auto refusal = [](std::string_view name, const std::vector<chat_message>& messages) {
    const auto made = need(chat_template::named(name)).prompt(messages);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::invalid_argument);
    return made.error().message();
  };
  CHECK(refusal("chatml", {{"tool", "x"}}).find("\"tool\"") != std::string::npos);
  CHECK(refusal("gemma", {{"system", "x"}}).find("system") != std::string::npos);
  CHECK(refusal("llama-2", {{"system", "x"}, {"assistant", "y"}}).find("system") != std::string::npos);
  CHECK(refusal("chatml", {{"user", std::string(limits::prompt_bytes_max + 1, 'a')}}).find("oldest") !=
        std::string::npos);
  const auto unknown = chat_template::named("alpaca");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message().find("alpaca") != std::string::npos);
  CHECK(unknown.error().message().find("chatml") != std::string::npos);
}
