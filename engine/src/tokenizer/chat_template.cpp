#include "troupe/engine/chat_template.hpp"

#include <algorithm>

#include "tokenizer/chat_layout.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
namespace {

const chat_layout* layout_named(std::string_view name) {
  const auto all = chat_layouts();
  const auto found = std::find_if(all.begin(), all.end(), [&](const chat_layout& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t\n\v\f\r";
  const std::size_t from = text.find_first_not_of(white);
  return from == std::string_view::npos ? std::string_view()
                                        : text.substr(from, text.find_last_not_of(white) + 1 - from);
}

}  // namespace

std::string chat_template::names() {
  std::string all;
  for (const chat_layout& one : chat_layouts()) all.append(all.empty() ? "" : ", ").append(one.name);
  return all;
}

result<chat_template> chat_template::named(std::string_view name, std::string_view begin, std::string_view end) {
  if (layout_named(name)) return chat_template(name, begin, end);
  return fail(errc::invalid_argument, "there is no chat template \"{}\"; there are {}",
              replace_invalid_utf8(name.substr(0, 100)), names());
}

result<chat_template> chat_template::recognised(std::string_view jinja, std::string_view begin, std::string_view end) {
  if (const chat_layout* found = layout_of_jinja(jinja)) return chat_template(found->name, begin, end);
  return fail(errc::unsupported, "the model's chat template is none of those that are known; name the nearest of {}",
              names());
}

result<chat_template> chat_template::of(const tokenizer& words) {
  const vocabulary& said = words.words();
  if (said.chat_template.empty())
    return fail(errc::unsupported, "the model's file has no chat template; name one of {}", names());
  const auto text = [&](const std::optional<token_id>& id) { return id ? words.piece(*id) : std::string_view(); };
  return recognised(said.chat_template, text(said.begin), text(said.end));
}

result<std::string> chat_template::prompt(std::span<const chat_message> messages, bool answer_next) const {
  const chat_layout& layout = *layout_named(name_);
  std::string made, merged;
  bool first_turn = true;
  const auto mark = [&](std::string_view text) {
    constexpr std::string_view end = "{end}";
    const std::size_t at = text.find(end);
    if (at == std::string_view::npos) return void(made.append(text));
    made.append(text.substr(0, at)).append(end_).append(text.substr(at + end.size()));
  };
  const auto say = [&](const chat_marks& marks, std::string_view text) {
    mark(marks.before);
    made.append(merged).append(layout.trims ? trimmed(text) : text);
    merged.clear();
    mark(marks.after);
  };
  std::size_t total = 0;
  for (const chat_message& message : messages) {
    total += message.content.size();
    if (total > limits::prompt_bytes_max)
      return fail(errc::invalid_argument, "the messages have more than {} bytes; leave out the oldest",
                  limits::prompt_bytes_max);
    if (message.role == "user") {
      if (layout.begins_every_turn && !first_turn) made.append(begin_);
      first_turn = false;
      say(layout.user, message.content);
    } else if (message.role == "assistant") {
      if (!merged.empty()) break;
      say(layout.assistant, message.content);
    } else if (message.role != "system") {
      return fail(errc::invalid_argument, "the role \"{}\" does not exist; there are system, user and assistant",
                  replace_invalid_utf8(std::string_view(message.role).substr(0, 100)));
    } else if (!layout.system.before.empty()) {
      say(layout.system, message.content);
    } else {
      merged.append(layout.merged_before);
      merged.append(layout.trims ? trimmed(message.content) : std::string_view(message.content));
      merged.append(layout.merged_after);
    }
  }
  if (!merged.empty())
    return fail(errc::invalid_argument, "a system message is not followed by one of the user, as {} wants it", name_);
  if (answer_next) mark(layout.answer);
  return made;
}

}  // namespace troupe
