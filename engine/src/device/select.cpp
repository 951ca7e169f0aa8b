#include "device/select.hpp"

#include <algorithm>
#include <charconv>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

char lower_case(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower_case(a) == lower_case(b); }) != text.end();
}

}  // namespace

result<std::size_t> select_device(std::string_view selector, const std::vector<device_info>& list) {
  if (selector.empty() && !list.empty()) return std::size_t{0};
  std::size_t index = 0;
  const auto parsed = std::from_chars(selector.data(), selector.data() + selector.size(), index);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == selector.data() + selector.size();
  if (is_number && index < list.size()) return index;
  if (!is_number)
    for (std::size_t i = 0; i < list.size(); ++i)
      if (contains_ignoring_case(list[i].name, selector)) return i;
  std::vector<std::string> names;
  for (const device_info& info : list) names.push_back(fmt::format("{} \"{}\"", info.index, info.name));
  return fail(errc::invalid_argument, "there is no device \"{}\"; there are {}, and \"null\"", selector,
              fmt::join(names, ", "));
}

}  // namespace troupe
