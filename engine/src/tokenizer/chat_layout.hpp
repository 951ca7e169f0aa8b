// What chat templates write around messages, as data.
#pragma once

#include <span>
#include <string_view>

namespace troupe {

/// What stands before and after a message of one role. "{begin}" and "{end}" stand for the tokens with these roles.
struct chat_marks {
  std::string_view before, after;
};

struct chat_layout {
  std::string_view name;
  chat_marks system;  ///< both empty: in front of the text of the next message of the user
  chat_marks user, assistant;
  std::string_view answer;              ///< stands before the answer that is wanted
  std::string_view merged_before = "";  ///< around a system text that is put in front of the user's
  std::string_view merged_after = "\n\n";
  bool trims = false;  ///< contents, of white space around them
  /// A second message of the user begins with the first token again.
  bool begins_every_turn = false;
};

std::span<const chat_layout> chat_layouts() noexcept;

/// The layout that a Jinja template writes; null when it is not known.
const chat_layout* layout_of_jinja(std::string_view jinja) noexcept;

}  // namespace troupe
