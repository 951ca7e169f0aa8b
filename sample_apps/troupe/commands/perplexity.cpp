// troupe perplexity MODEL.gguf: how surprised a language model is by a text.
#include <cmath>

#include "commands.hpp"
#include "language.hpp"
#include "text_files.hpp"

namespace troupe::app {
namespace {

struct perplexity_command {
  std::string model_file;
  text_source source;
  std::size_t window = 512;
  language_options language;
};

/// The text in windows, each begun as a prompt is.
result<std::vector<std::vector<token_id>>> windows_of(const perplexity_command& given, const tokenizer& words,
                                                      std::size_t window) {
  TROUPE_TRY(const std::string text, given.source.read());
  TROUPE_TRY(const auto tokens, words.encode(text, {.add_special = false}));
  std::vector<token_id> beginning;
  if (words.words().add_begin && words.words().begin) beginning.push_back(*words.words().begin);
  const std::size_t step = window - std::min(window - 1, beginning.size());
  std::vector<std::vector<token_id>> made;
  for (std::size_t first = 0; first < tokens.size(); first += step) {
    auto& one = made.emplace_back(beginning);
    one.insert(one.end(), tokens.begin() + static_cast<std::ptrdiff_t>(first),
               tokens.begin() + static_cast<std::ptrdiff_t>(std::min(first + step, tokens.size())));
    if (one.size() < 2) made.pop_back();  // nothing in it is predicted
  }
  if (made.empty())
    return error(errc::invalid_argument, "the text has no token that another one predicts; give more text");
  return made;
}

result<void> perplexity(const perplexity_command& given, console& out) {
  TROUPE_TRY(loaded_language loaded, load_language(given.model_file, given.language, 1, out));
  const std::size_t window = std::min(given.window, loaded.sessions.context());
  TROUPE_TRY(const auto windows, windows_of(given, loaded.words, window));
  double sum = 0;
  std::size_t scored = 0, done = 0;
  const auto started = steady_clock::now();
  for (const auto& one : windows) {
    out.progress(fmt::format("window {} of {}", ++done, windows.size()));
    TROUPE_CHECK(loaded.sessions.add(one, {.tokens_max = 0, .scores_prompt = true}));
    while (!loaded.sessions.idle()) {
      TROUPE_TRY(const auto outputs,
                 loaded.sessions.step(steady_clock::now() + given.language.spread.for_running().deadline));
      for (const session_output& output : outputs)
        for (const double score : output.prompt_log_probabilities) {
          sum += score;
          ++scored;
        }
    }
  }
  const double taken_s = std::chrono::duration<double>(steady_clock::now() - started).count();
  const double nats = -sum / static_cast<double>(scored);
  out.object({{"perplexity", std::exp(nats)},
              {"nats_per_token", nats},
              {"tokens", scored},
              {"windows", windows.size()},
              {"tokens_per_second", static_cast<double>(scored) / taken_s},
              {"recoveries", loaded.steps->recoveries()}});
  out.line("perplexity {:.4f} ({:.4f} nats a token) over {} tokens in {} windows, {:.1f} tokens/s", std::exp(nats),
           nats, scored, windows.size(), static_cast<double>(scored) / taken_s);
  return {};
}

}  // namespace

void add_perplexity(program& to) {
  auto given = std::make_shared<perplexity_command>();
  CLI::App& command = to.add("perplexity", "Measures how surprised a language model is by a text",
                             "troupe perplexity model.gguf --text-file story.txt",
                             [given](console& out) { return perplexity(*given, out); });
  command.add_option("MODEL", given->model_file, "GGUF file")->required();
  given->source.add_to(command, "The text");
  command.add_option("--window", given->window, "Tokens that are looked at together, at most the context")
      ->check(CLI::Range(std::size_t{2}, std::size_t{1} << 24))
      ->capture_default_str();
  given->language.add_to(command);
}

}  // namespace troupe::app
