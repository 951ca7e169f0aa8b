// The command line as a whole: its commands, which one was given, and how its outcome becomes an exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "console.hpp"

namespace troupe::app {

/// Does the work of one command once the command line is known to be sound.
using command_action = std::function<result<void>(console&)>;

class program {
public:
  program();

  /// Adds a command; `example` ends its help. The caller adds its options to what this returns.
  CLI::App& add(const std::string& name, const std::string& summary, const std::string& example, command_action action);

  /// Parses, runs the command and returns the exit code: 0 done, 1 failed at run time, 2 bad usage or input, 3 the
  /// model needs something that is not supported.
  int run(int count, const char* const* arguments);

private:
  int usage_failure(const CLI::ParseError& failure, const std::string& unknown, bool json_wanted);

  CLI::App cli_;
  console out_;
  std::string chosen_;
  command_action action_;
};

}  // namespace troupe::app
