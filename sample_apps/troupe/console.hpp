// What the program says and where: results on stdout, as text or as one JSON object; notes and progress on stderr.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "troupe/actors/supervision_event.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/result.hpp"

namespace troupe::app {

/// Keeps members in the order in which they were added: people read it too.
using json = nlohmann::ordered_json;

/// Rows of cells; columns are as wide as their widest cell, those whose cells are all numbers are right-aligned.
struct table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

class console {
public:
  /// With `as_json`, text goes nowhere and `object` prints; without, the other way round.
  void set_json(bool as_json) noexcept { json_ = as_json; }
  bool is_json() const noexcept { return json_; }

  template <class... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    write_line(fmt::format(text, std::forward<Args>(args)...));
  }
  void heading(const std::string& text);
  /// Part of a line, shown at once: for text that comes little by little.
  void text(const std::string& part);
  /// One line on stderr, below results that are text of their own.
  void note(const std::string& text);
  void print(const table& rows);
  /// One object, one line, flushed.
  void object(const json& result);

  /// One line on stderr that the next one replaces; only on a terminal. `clear_progress` takes it away.
  void progress(const std::string& text);
  void clear_progress();

  /// `troupe: what: why` on stderr and, with JSON, `{"error":{"code","message"}}` on stdout.
  void report(const std::string& what, const error& why);

  /// False when something could not be written (a full disk, a closed pipe).
  bool flush();

private:
  void write_line(const std::string& text);

  bool json_ = false;
  bool progress_shown_ = false;
};

/// The exit code that the command line's contract gives to this kind of failure.
int exit_code(errc code) noexcept;

/// `[batch,3,224,224]`; `?` for an extent without a name, `[...]` when not even the rank is known.
std::string text_of_dims(const value_info& value);
/// `float32`, or `?`.
std::string text_of_type(const value_info& value);
/// Numbers, symbols as strings, null for what is unknown.
json json_of(const value_info& value);

/// "12.3 MiB".
std::string text_of_bytes(std::uint64_t bytes);

/// One line on stderr for one thing that a supervisor did; for `--verbose`. From any thread.
void print_event(const supervision_event& event);

}  // namespace troupe::app
