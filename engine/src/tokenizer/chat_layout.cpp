#include "tokenizer/chat_layout.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

constexpr std::array layouts = {
    // https://github.com/openai/openai-python/blob/v0.28.1/chatml.md; Qwen, Yi, SmolLM and others
    chat_layout{.name = "chatml",
                .system = {"<|im_start|>system\n", "<|im_end|>\n"},
                .user = {"<|im_start|>user\n", "<|im_end|>\n"},
                .assistant = {"<|im_start|>assistant\n", "<|im_end|>\n"},
                .answer = "<|im_start|>assistant\n"},
    // https://github.com/meta-llama/llama/blob/main/llama/generation.py
    chat_layout{.name = "llama-2",
                .user = {"[INST] ", " [/INST]"},
                .assistant = {" ", " {end}"},
                .answer = "",
                .merged_before = "<<SYS>>\n",
                .merged_after = "\n<</SYS>>\n\n",
                .trims = true,
                .begins_every_turn = true},
    // https://www.llama.com/docs/model-cards-and-prompt-formats/meta-llama-3/
    chat_layout{.name = "llama-3",
                .system = {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
                .user = {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
                .assistant = {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"},
                .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n",
                .trims = true},
    // https://ai.google.dev/gemma/docs/core/prompt-structure
    chat_layout{.name = "gemma",
                .user = {"<start_of_turn>user\n", "<end_of_turn>\n"},
                .assistant = {"<start_of_turn>model\n", "<end_of_turn>\n"},
                .answer = "<start_of_turn>model\n",
                .trims = true},
    // https://huggingface.co/microsoft/Phi-3-mini-4k-instruct
    chat_layout{.name = "phi-3",
                .system = {"<|system|>\n", "<|end|>\n"},
                .user = {"<|user|>\n", "<|end|>\n"},
                .assistant = {"<|assistant|>\n", "<|end|>\n"},
                .answer = "<|assistant|>\n"},
    // https://docs.mistral.ai/cookbooks/concept-deep-dive-tokenization-chat_templates: versions 1, 3 and 3 with Tekken
    chat_layout{.name = "mistral", .user = {"[INST] ", " [/INST]"}, .assistant = {"", "{end}"}, .answer = ""},
    chat_layout{.name = "mistral-v3", .user = {"[INST] ", "[/INST]"}, .assistant = {" ", "{end}"}, .answer = ""},
    chat_layout{.name = "mistral-tekken", .user = {"[INST]", "[/INST]"}, .assistant = {"", "{end}"}, .answer = ""},
    // https://huggingface.co/HuggingFaceH4/zephyr-7b-beta
    chat_layout{.name = "zephyr",
                .system = {"<|system|>\n", "{end}\n"},
                .user = {"<|user|>\n", "{end}\n"},
                .assistant = {"<|assistant|>\n", "{end}\n"},
                .answer = "<|assistant|>\n"},
};

const chat_layout* named(std::string_view name) {
  return std::find_if(layouts.begin(), layouts.end(), [&](const chat_layout& one) { return one.name == name; });
}

}  // namespace

std::span<const chat_layout> chat_layouts() noexcept {
  return layouts;
}

const chat_layout* layout_of_jinja(std::string_view jinja) noexcept {
  const auto writes = [&](std::string_view mark) { return jinja.find(mark) != std::string_view::npos; };
  // Relatives with the same marks and another order of them.
  if (writes("<|im_sep|>") || writes("[SYSTEM_PROMPT]") || writes("[gMASK]")) return nullptr;
  if (writes("<|im_start|>")) return named("chatml");
  if (writes("<|start_header_id|>")) return named("llama-3");
  if (writes("<start_of_turn>")) return named("gemma");
  if (writes("[INST]"))
    return named(writes("<<SYS>>")    ? "llama-2"
                 : writes(" [/INST]") ? "mistral"
                 : writes("[INST] ")  ? "mistral-v3"
                                      : "mistral-tekken");
  if (writes("<|assistant|>") && writes("<|end|>")) return named("phi-3");
  if (writes("<|assistant|>") && (writes("eos_token") || writes("</s>"))) return named("zephyr");
  return nullptr;
}

}  // namespace troupe
