// What `troupe bench` says about language models.
#pragma once

#include "language.hpp"

namespace troupe::app {

struct language_bench {
  std::string model_file;
  std::size_t runs = 5;
  std::size_t prompt_tokens = 128, generated_tokens = 64;
  std::size_t sessions = 1;  ///< measured with 1, 4, 16, ... up to so many
  bool profile = false;      ///< where the time goes instead
  language_options language;

  /// `--prompt-tokens --gen-tokens --sessions --context --cache-pages`.
  void add_to(CLI::App& command);
};

result<void> bench_language(const language_bench& given, console& out);

}  // namespace troupe::app
