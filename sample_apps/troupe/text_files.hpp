// Texts that commands are given, and texts on disk.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "troupe/engine/result.hpp"

namespace troupe::app {

/// The bytes of a file, at most as many as become tokens at a time.
result<std::string> read_text(const std::string& file);

/// A text on the command line or in a file.
struct text_source {
  std::string text, file;

  /// `--NAME` with this help, and `--NAME-file`; which of them must be there is for `group` to say.
  void add_to(CLI::Option_group& group, const std::string& name, const std::string& help);
  /// The same in a group of their own, one of which must be there.
  void add_to(CLI::App& command, const std::string& help);
  result<std::string> read() const;
};

}  // namespace troupe::app
