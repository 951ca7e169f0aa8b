#include "console.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace troupe::app {
namespace {

bool is_terminal(std::FILE* stream) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(stream)) != 0 && (!kind || std::string_view(kind) != "dumb");
}

bool is_coloured(std::FILE* stream) {
  const char* off = std::getenv("NO_COLOR");
  return is_terminal(stream) && (!off || !*off);
}

/// Characters, not bytes: names may hold any UTF-8.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char byte) { return (byte & 0xc0) != 0x80; }));
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.,+-%x") == std::string::npos;
}

/// Names come from files: a line break or an escape sequence in one must not rearrange the user's terminal.
std::string printable(std::string text) {
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = ' ';
  return text;
}

}  // namespace

void console::write_line(const std::string& text) {
  if (json_) return;
  clear_progress();
  fmt::print("{}\n", text);
}

void console::text(const std::string& part) {
  if (json_ || part.empty()) return;
  clear_progress();
  fmt::print("{}", part);
  std::fflush(stdout);
}

void console::note(const std::string& text) {
  if (json_) return;
  clear_progress();
  fmt::print(stderr, "{}\n", text);
}

void console::heading(const std::string& text) {
  write_line(is_coloured(stdout) ? "\x1b[1m" + text + "\x1b[0m" : text);
}

void console::print(const table& shown) {
  if (json_) return;
  std::vector<std::size_t> widths;
  std::vector<bool> numeric;
  for (std::size_t column = 0; column < shown.header.size(); ++column) {
    std::size_t width = width_of(shown.header[column]);
    bool numbers = !shown.rows.empty();
    for (const auto& row : shown.rows) {
      width = std::max(width, width_of(row[column]));
      numbers = numbers && is_number(row[column]);
    }
    widths.push_back(width);
    numeric.push_back(numbers);
  }
  const auto text_of_row = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string cell = printable(cells[column]);
      const std::string gap(widths[column] - width_of(cell), ' ');
      text += (column ? "  " : "") + (numeric[column] ? gap + cell : cell + gap);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  heading(text_of_row(shown.header));
  for (const auto& row : shown.rows) write_line(text_of_row(row));
}

void console::object(const json& result) {
  if (!json_) return;
  clear_progress();
  // Names in a model need not be UTF-8; what is not is replaced rather than refused.
  fmt::print("{}\n", result.dump(-1, ' ', false, json::error_handler_t::replace));
  std::fflush(stdout);
}

void console::progress(const std::string& text) {
  if (!is_terminal(stderr)) return;
  fmt::print(stderr, "\r\x1b[K{}", printable(text));
  std::fflush(stderr);
  progress_shown_ = true;
}

void console::clear_progress() {
  if (!progress_shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  progress_shown_ = false;
}

void console::report(const std::string& what, const error& why) {
  clear_progress();
  const std::string message = printable(why.to_string());
  object({{"error", {{"code", to_string(why.code())}, {"message", message}}}});
  fmt::print(stderr, "troupe: {}: {}\n", what, message);
}

bool console::flush() {
  clear_progress();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

int exit_code(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument: return 2;
    case errc::unsupported: return 3;
    case errc::out_of_memory:
    case errc::device_lost:
    case errc::unavailable:
    case errc::deadline_exceeded:
    case errc::cancelled:
    case errc::internal:
    case errc::state_lost: return 1;
  }
  return 1;
}

std::string text_of_dims(const value_info& value) {
  if (!value.dims) return "[...]";
  std::string text = "[";
  for (const dimension& extent : *value.dims) {
    if (text.size() > 1) text += ",";
    text += extent.extent >= 0 ? fmt::format("{}", extent.extent) : extent.symbol.empty() ? "?" : extent.symbol;
  }
  return text + "]";
}

std::string text_of_type(const value_info& value) {
  return value.type_known ? std::string(to_string(value.type)) : "?";
}

json json_of(const value_info& value) {
  json shape = nullptr;
  if (value.dims) {
    shape = json::array();
    for (const dimension& extent : *value.dims) {
      if (extent.extent >= 0) {
        shape.push_back(extent.extent);
      } else if (!extent.symbol.empty()) {
        shape.push_back(extent.symbol);
      } else {
        shape.push_back(nullptr);
      }
    }
  }
  return {{"name", value.name},
          {"type", value.type_known ? json(to_string(value.type)) : json(nullptr)},
          {"shape", std::move(shape)}};
}

std::string text_of_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < units.size()) {
    amount /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, units[unit]);
}

void print_event(const supervision_event& event) {
  fmt::print(stderr, "{}{}{}: {}{}{}\n", event.supervisor, event.child.empty() ? "" : "/", event.child,
             to_string(event.kind),
             event.incarnation > 1 ? fmt::format(" (start {})", event.incarnation) : std::string(),
             event.reason.empty() ? std::string() : ": " + printable(event.reason));
}

}  // namespace troupe::app
