#include "story.hpp"

#include <sstream>

namespace troupe::demo {
namespace {

constexpr std::size_t tokens_max = 300;
constexpr std::chrono::seconds step_limit{60};

}  // namespace

result<storyteller> storyteller::read(const std::filesystem::path& file) {
  TROUPE_TRY(language_model written, load_language_model(file));
  TROUPE_TRY(tokenizer words, tokenizer::from_gguf(written.file));
  return storyteller{std::move(written), std::move(words)};
}

result<story> storyteller::tell(const model& over, const std::string& beginning,
                                const std::function<result<void>(std::size_t, const std::string&)>& each_token) const {
  const auto started = steady_clock::now();
  model_steps steps(over);
  TROUPE_TRY(generator sessions,
             generator::make(over.inputs(), steps,
                             {.cache_pages = written.cache_pages, .vocabulary = written.parameters.vocabulary}));
  TROUPE_TRY(auto prompt, words.encode(beginning));
  const std::size_t room = sessions.context() - std::min(sessions.context() - 1, prompt.size());
  session_options options{.tokens_max = std::min(tokens_max, room)};
  options.end_tokens = words.end_tokens();
  story made;
  made.text = beginning;
  text_stream text(words);
  TROUPE_CHECK(sessions.add(std::move(prompt), std::move(options)));
  while (!sessions.idle()) {
    TROUPE_TRY(const auto outputs, sessions.step(steady_clock::now() + step_limit));
    for (const session_output& output : outputs) {
      if (output.failure) return *output.failure;
      made.tokens.push_back(output.token->token);
      made.text += text.add(made.tokens.back());
    }
    // A step that only reads, after a loss, has no token.
    if (each_token && !outputs.empty()) TROUPE_CHECK(each_token(made.tokens.size(), made.text));
  }
  made.text += text.finish();
  made.recoveries = steps.recoveries();
  made.seconds = std::chrono::duration<double>(steady_clock::now() - started).count();
  return made;
}

std::size_t middle_of_a_sentence(const storyteller& teller, const story& whole) {
  std::size_t at = whole.tokens.size() / 2;
  const auto ends_sentence = [&](token_id token) {
    return teller.words.piece(token).find_first_of(".!?\"\n") != std::string_view::npos;
  };
  while (at + 2 < whole.tokens.size() && (ends_sentence(whole.tokens[at - 1]) || ends_sentence(whole.tokens[at]))) ++at;
  return at;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

}  // namespace troupe::demo
