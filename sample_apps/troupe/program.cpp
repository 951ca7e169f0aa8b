#include "program.hpp"

#include <cstring>

namespace troupe::app {

program::program()
    : cli_("Runs trained networks on Vulkan devices, here or on other machines, under supervision.", "troupe") {
  cli_.set_version_flag("--version", "troupe " TROUPE_VERSION);
  cli_.require_subcommand(1);
  cli_.footer(
      "Exit codes: 0 done, 1 failed at run time, 2 bad usage or input, 3 the model needs what is not supported.\n"
      "Example: troupe run model.onnx --input x.npy --output-dir out");
}

CLI::App& program::add(const std::string& name, const std::string& summary, const std::string& example,
                       command_action action) {
  CLI::App* command = cli_.add_subcommand(name, summary);
  command->footer("Example: " + example);
  command->add_flag_function(
      "--json", [this](std::int64_t) { out_.set_json(true); },
      "Print one JSON object on stdout and nothing else there");
  command->callback([this, name, action = std::move(action)] {
    chosen_ = name;
    action_ = action;
  });
  return *command;
}

int program::run(int count, const char* const* arguments) {
  // A command line that does not parse has set no flag; how its error is to be printed must be known all the same.
  bool json_wanted = false;
  for (int i = 1; i < count; ++i) json_wanted = json_wanted || std::strcmp(arguments[i], "--json") == 0;
  const std::string first = count > 1 && arguments[1][0] != '-' ? arguments[1] : "";

  if (count < 2) {
    fmt::print(stderr, "{}", cli_.help());
    return 2;
  }
  try {
    cli_.parse(count, arguments);
  } catch (const CLI::ParseError& failure) {
    return usage_failure(failure, first, json_wanted);
  }

  try {
    if (auto done = action_(out_); !done) {
      out_.report(chosen_, done.error());
      return exit_code(done.error().code());
    }
  } catch (const std::exception& failure) {
    // Nothing of ours throws; the standard library may (no memory, a locale).
    out_.report(chosen_, error(errc::internal, failure.what()));
    return 1;
  }
  if (!out_.flush()) {
    out_.report(chosen_,
                error(errc::unavailable, std::string("the output cannot be written: ") + std::strerror(errno)));
    return 1;
  }
  return 0;
}

int program::usage_failure(const CLI::ParseError& failure, const std::string& unknown, bool json_wanted) {
  if (failure.get_exit_code() == 0) return cli_.exit(failure);  // --help and --version come as exceptions
  const auto commands = cli_.get_subcommands();
  const std::string what = commands.empty() ? "usage" : commands.front()->get_name();
  const std::string help = commands.empty() ? "troupe --help" : "troupe " + what + " --help";
  std::string why = failure.what();
  if (commands.empty() && !unknown.empty()) why = "there is no command " + unknown;
  out_.set_json(json_wanted);
  out_.report(what, error(errc::invalid_argument, why + "; see " + help));
  return 2;
}

}  // namespace troupe::app
