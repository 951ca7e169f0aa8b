#include "tokenizer/clean_spaces.hpp"

namespace troupe {
namespace {

/// Takes out the space before every place for which `drops` says so.
template <class Drops>
std::string without_space_before(std::string_view text, Drops drops) {
  std::string made;
  made.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && text[i - 1] == ' ' && drops(text.substr(i))) made.pop_back();
    made.push_back(text[i]);
  }
  return made;
}

}  // namespace

std::string clean_spaces(std::string_view text) {
  const std::string punctuated = without_space_before(
      text, [](std::string_view rest) { return rest[0] == '?' || rest[0] == '!' || rest[0] == '.' || rest[0] == ','; });
  std::string quoted;
  for (std::size_t i = 0; i < punctuated.size(); ++i) {
    const bool alone =
        punctuated.compare(i, 2, "' ") == 0 && !quoted.empty() && quoted.back() == ' ' && punctuated[i - 1] == ' ';
    if (alone) quoted.pop_back();
    quoted.push_back(punctuated[i]);
    if (alone) ++i;
  }
  return without_space_before(quoted, [](std::string_view rest) {
    return rest.starts_with("'s") || rest.starts_with("'m") || rest.starts_with("'re") || rest.starts_with("'ve");
  });
}

}  // namespace troupe
