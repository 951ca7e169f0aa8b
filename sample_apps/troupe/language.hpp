// A language model as the commands use it: its file read, its tokenizer made, its graph loaded into the system.
#pragma once

#include "options.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/model_steps.hpp"

namespace troupe::app {

/// `--context --cache-pages`, and how the model is spread.
struct language_options {
  std::int64_t context = 0;
  std::int64_t cache_pages = 0;
  placement_options placement;
  spread_options spread;

  void add_to(CLI::App& command);
};

/// What a loaded model gives.
enum class language_output { logits, embeddings };

/// Ready to generate. The system goes last.
struct loaded_language {
  std::unique_ptr<system> on;
  language_model_parameters parameters;
  tokenizer words;
  model network;
  std::unique_ptr<model_steps> steps;
  generator sessions;
  double load_s = 0;
};

/// `sessions`: that can be under way at once. Progress goes to `out`.
result<loaded_language> load_language(const std::string& file, const language_options& given, std::int64_t sessions,
                                      console& out, language_output gives = language_output::logits);

}  // namespace troupe::app
