#include "drawing.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace troupe::demo {
namespace {

constexpr const char* bold = "1";
constexpr const char* dim = "2";
constexpr const char* green = "32";
constexpr const char* red = "31";
constexpr const char* yellow = "33";

/// What the locale's variables say, in their order of precedence; no locale is set for the process.
bool locale_is_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (!value || !*value) continue;
    return std::strstr(value, "UTF-8") || std::strstr(value, "utf8") || std::strstr(value, "utf-8");
  }
  return false;
}

}  // namespace

drawing::drawing() : utf8_(locale_is_utf8()) {
  const char* off = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  colour_ = isatty(STDOUT_FILENO) && (!off || !*off) && (!kind || std::strcmp(kind, "dumb") != 0);
}

std::string drawing::coloured(const char* code, const std::string& text) const {
  return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string drawing::mark(bool good) const {
  return coloured(good ? green : red, utf8_ ? (good ? "✓" : "✗") : (good ? "ok" : "WRONG"));
}

void drawing::section(const std::string& title) {
  if (sections_++) line("");
  line(coloured(bold, fmt::format("{}. {}", sections_, title)));
}

void drawing::line(const std::string& text) const {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void drawing::verdict(bool good, const std::string& text) const {
  line(fmt::format("   {} {}", mark(good), text));
}

void drawing::tree(const tree_node& root) const {
  branch(root, "   ", "", "");
}

void drawing::branch(const tree_node& at, const std::string& indent, const std::string& stem,
                     const std::string& stem_below) const {
  std::string text = indent + coloured(dim, stem) + coloured(bold, at.name);
  if (at.kind != at.name && at.kind != "worker") text += " " + coloured(dim, at.kind);
  // What works as it should is not worth a word; a supervisor says "running", what it supervises "up".
  text += at.state == "up" || at.state == "running" ? "" : " " + coloured(yellow, at.state);
  if (!at.detail.empty()) text += coloured(dim, utf8_ ? " · " : " - ") + at.detail;
  if (at.restarts) text += " " + coloured(yellow, fmt::format("restarted {}x", at.restarts));
  line(text);
  for (std::size_t i = 0; i < at.children.size(); ++i) {
    const bool last = i + 1 == at.children.size();
    const char* own = utf8_ ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
    const char* below = last ? "   " : utf8_ ? "│  " : "|  ";
    branch(at.children[i], indent + coloured(dim, stem_below), own, below);
  }
}

void drawing::digits(std::span<const digit> shown) const {
  static constexpr std::array<const char*, 5> blocks{" ", "░", "▒", "▓", "█"};
  static constexpr std::array<const char*, 5> letters{" ", ".", "+", "%", "@"};
  if (shown.empty()) return;
  const std::int64_t height = shown[0].picture.dims()[0], width = shown[0].picture.dims()[1];
  for (std::int64_t y = 0; y < height; ++y) {
    std::string text = "   ";
    for (const digit& one : shown) {
      const auto pixels = one.picture.as<std::uint8_t>();
      for (std::int64_t x = 0; x < width; ++x) {
        const std::size_t shade = pixels[static_cast<std::size_t>(y * width + x)] * 5u / 256u;
        const char* block = utf8_ ? blocks[shade] : letters[shade];
        text += std::string(block) + block;
      }
      text += "  ";
    }
    line(text);
  }
  std::string text = "   ";
  for (const digit& one : shown) {
    const std::size_t used = one.caption.size() + 1 + (utf8_ ? 1 : one.good ? 2 : 5);
    const std::size_t room = static_cast<std::size_t>(width) * 2 + 2;
    text += one.caption + " " + mark(one.good) + std::string(room > used ? room - used : 1, ' ');
  }
  line(text);
}

}  // namespace troupe::demo
