// Conversations as the text that a model was trained to go on with.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe {

class tokenizer;

struct chat_message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

/// One of the common layouts: chatml, llama-2, llama-3, gemma, phi-3, mistral, mistral-v3, mistral-tekken, zephyr.
///
/// Files carry their layout as a program in Jinja, which is not run: it is recognised by the marks it writes (decision
/// 0006). What a template of a file does beside them (default system messages, tools, dates) is left out.
class chat_template {
public:
  /// `begin` and `end` are the tokens that begin and end a text, as they are written. `invalid_argument` has the names
  /// that there are.
  static result<chat_template> named(std::string_view name, std::string_view begin = "<s>",
                                     std::string_view end = "</s>");

  /// The layout of a Jinja template. `unsupported` when it is none of those that are known.
  static result<chat_template> recognised(std::string_view jinja, std::string_view begin = "<s>",
                                          std::string_view end = "</s>");

  /// What the model's file says, with its own first and last token.
  static result<chat_template> of(const tokenizer& words);

  /// The prompt for the answer to these messages; without `answer_next` it ends with the last message. The token that
  /// begins every prompt is left to `tokenizer::encode`, which has to parse special tokens; those that somebody has
  /// written into a message count as well.
  ///
  /// White space around contents is taken away where the layout does so. Layouts without a system role put its text
  /// before the next message of the user. `invalid_argument` names a role that does not exist.
  result<std::string> prompt(std::span<const chat_message> messages, bool answer_next = true) const;

  std::string_view name() const noexcept { return name_; }

  /// The names of all layouts, for messages and help.
  static std::string names();

private:
  chat_template(std::string_view name, std::string_view begin, std::string_view end)
      : name_(name), begin_(begin), end_(end) {}

  std::string name_, begin_, end_;
};

}  // namespace troupe
