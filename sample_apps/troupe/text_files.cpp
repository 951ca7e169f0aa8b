#include "text_files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "troupe/engine/limits.hpp"

namespace troupe::app {

result<std::string> read_text(const std::string& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    return error(errc::invalid_argument, fmt::format("{} is a folder; give a file", file));
  errno = 0;
  std::ifstream from(file, std::ios::binary);
  if (!from) return error(errc::invalid_argument, fmt::format("{} cannot be opened: {}", file, std::strerror(errno)));
  std::string text;
  // In pieces: what says that it is a file of a terabyte need not be one.
  for (std::string piece(1 << 16, '\0'); from && text.size() <= limits::prompt_bytes_max;) {
    from.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece, 0, static_cast<std::size_t>(from.gcount()));
  }
  if (text.size() > limits::prompt_bytes_max)
    return error(errc::invalid_argument,
                 fmt::format("{} has more than {} bytes; cut it into smaller texts", file, limits::prompt_bytes_max));
  if (from.bad()) return error(errc::unavailable, fmt::format("{} cannot be read to its end", file));
  return text;
}

void text_source::add_to(CLI::Option_group& group, const std::string& name, const std::string& help) {
  group.add_option("--" + name, text, help);
  group.add_option("--" + name + "-file", file, "A file that holds the text")->type_name("FILE");
}

void text_source::add_to(CLI::App& command, const std::string& help) {
  CLI::Option_group* const group = command.add_option_group("text");
  add_to(*group, "text", help);
  group->require_option(1);
}

result<std::string> text_source::read() const {
  return file.empty() ? result<std::string>(text) : read_text(file);
}

}  // namespace troupe::app
