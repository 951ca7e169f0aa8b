// troupe generate MODEL.gguf: what a language model makes of a prompt, token by token.
#include "commands.hpp"
#include "language.hpp"
#include "text_files.hpp"
#include "troupe/engine/chat_template.hpp"
#include "troupe/engine/npy.hpp"
#include "troupe/engine/stop_matcher.hpp"
#include "troupe/engine/utf8.hpp"
#include "troupe/stream_client.hpp"

namespace troupe::app {
namespace {

struct generate_command {
  std::string model_file, logits_file, server;
  double patience_s = 60;
  text_source prompt;
  std::vector<token_id> tokens;
  std::size_t tokens_max = 128;
  sampling_options sampling;
  std::vector<std::string> stops;
  bool ignore_end = false, no_begin = false, chat = false;
  std::string system_message, layout;
  std::uint32_t kill_part = 0;
  std::vector<std::size_t> kill_at;
  language_options language;
};

using seconds = std::chrono::duration<double>;

/// The text as what somebody says to the model, in the layout that it was trained with.
result<std::string> as_conversation(const generate_command& given, const tokenizer& words, std::string text) {
  TROUPE_TRY(const auto layout, given.layout.empty() ? chat_template::of(words) : chat_template::named(given.layout));
  std::vector<chat_message> messages;
  if (!given.system_message.empty()) messages.push_back({"system", given.system_message});
  messages.push_back({"user", std::move(text)});
  return layout.prompt(messages);
}

result<std::vector<token_id>> read_prompt(const generate_command& given, const tokenizer& words) {
  if (!given.tokens.empty()) {
    for (const token_id token : given.tokens)
      if (token < 0 || static_cast<std::size_t>(token) >= words.size())
        return error(errc::invalid_argument,
                     fmt::format("--tokens holds {}, but the model has the tokens 0 to {}", token, words.size() - 1));
    return given.tokens;
  }
  TROUPE_TRY(std::string text, given.prompt.read());
  if (given.chat || !given.layout.empty()) {
    TROUPE_TRY(text, as_conversation(given, words, std::move(text)));
  }
  TROUPE_TRY(auto tokens, words.encode(text, {.add_special = !given.no_begin}));
  if (tokens.empty())
    return error(errc::invalid_argument, "the prompt has no tokens, and this model adds none; give some text");
  return tokens;
}

/// What one session said.
struct story {
  std::vector<token_id> tokens;
  std::vector<float> logits;
  std::string text;
  double prompt_s = 0, generate_s = 0;
  finish_reason finished = finish_reason::none;
};

/// Text as it becomes certain: on stdout at once, and in the story.
class teller {
public:
  teller(const tokenizer& words, stop_matcher stops, console& out)
      : stream_(words), stops_(std::move(stops)), out_(out) {}

  void add(token_id token, std::string& text) { say(stops_.add(stream_.add(token)), text); }
  bool stopped() const noexcept { return stops_.stopped(); }
  void finish(std::string& text) {
    say(stops_.add(stream_.finish()), text);
    say(stops_.finish(), text);
  }

private:
  void say(const std::string& part, std::string& text) {
    text += part;
    out_.text(part);
  }

  text_stream stream_;
  stop_matcher stops_;
  console& out_;
};

result<story> tell(loaded_language& loaded, const std::vector<token_id>& prompt, const generate_command& given,
                   console& out) {
  session_options options{.tokens_max = given.tokens_max, .sampling = given.sampling};
  options.sampling.seed = given.language.spread.seed;
  options.wants_logits = !given.logits_file.empty();
  if (!given.ignore_end) options.end_tokens = loaded.words.end_tokens();
  TROUPE_TRY(stop_matcher stops, stop_matcher::make(given.stops));
  teller voice(loaded.words, std::move(stops), out);

  story made;
  const auto started = steady_clock::now();
  auto first = started;
  TROUPE_TRY(const session_id id, loaded.sessions.add(prompt, std::move(options)));
  std::vector<std::size_t> kills = given.kill_at;
  while (!loaded.sessions.idle()) {
    // Once: steps that read everything again after a loss make no token.
    if (std::erase(kills, made.tokens.size()) > 0) TROUPE_CHECK(loaded.on->kill_part(loaded.network, given.kill_part));
    TROUPE_TRY(auto outputs, loaded.sessions.step(steady_clock::now() + given.language.spread.for_running().deadline));
    for (session_output& output : outputs) {
      if (output.failure) return *output.failure;
      made.finished = output.finished;
      if (!output.token) continue;
      if (made.tokens.empty()) first = steady_clock::now();
      made.tokens.push_back(output.token->token);
      made.logits.insert(made.logits.end(), output.logits.begin(), output.logits.end());
      voice.add(output.token->token, made.text);
      if (voice.stopped()) loaded.sessions.remove(id);
    }
  }
  voice.finish(made.text);
  made.prompt_s = seconds(first - started).count();
  made.generate_s = seconds(steady_clock::now() - first).count();
  return made;
}

std::string reason(const story& told, bool stopped_by_text) {
  if (stopped_by_text) return "stop string";
  switch (told.finished) {
    case finish_reason::end: return "end of text";
    case finish_reason::context: return "end of the context";
    default: return "length";
  }
}

/// What a server of streams makes of the prompt.
stream_request asked_of_server(const generate_command& given) {
  stream_request made;
  made.tokens = given.tokens;
  made.layout = !given.layout.empty() ? given.layout : given.chat ? "auto" : "";
  made.system = given.system_message;
  made.add_special = !given.no_begin;
  made.ignore_end = given.ignore_end;
  made.tokens_max = static_cast<std::uint32_t>(given.tokens_max);
  made.sampling = given.sampling;
  made.sampling.seed = given.language.spread.seed;
  made.stops = given.stops;
  made.deadline = given.language.spread.for_running().deadline;
  return made;
}

result<void> generate_at_server(const generate_command& given, console& out) {
  if (!given.model_file.empty() || !given.logits_file.empty() || !given.kill_at.empty())
    return error(errc::invalid_argument, "with --server there is no MODEL, --logits or --kill-at: the server has them");
  stream_request asked = asked_of_server(given);
  if (given.tokens.empty()) {
    TROUPE_TRY(asked.text, given.prompt.read());
  }
  stream_client_options options;
  options.state_directory = given.language.placement.state.path();
  options.patience = std::chrono::milliseconds(static_cast<std::int64_t>(given.patience_s * 1000));
  const auto started = steady_clock::now();
  const auto deadline = started + asked.deadline + options.patience;
  TROUPE_TRY(token_stream stream, token_stream::open(given.server, std::move(asked), options));
  std::vector<token_id> tokens;
  std::string text;
  stream_news news;
  while (news.finished == stream_finish::none) {
    TROUPE_TRY(news, stream.next(deadline));
    tokens.insert(tokens.end(), news.tokens.begin(), news.tokens.end());
    text += news.text;
    out.text(news.text);
  }
  if (news.failure) return std::move(*news.failure).while_doing("asking " + given.server);
  if (news.finished == stream_finish::deadline || news.finished == stream_finish::cancelled)
    return error(
        news.finished == stream_finish::deadline ? errc::deadline_exceeded : errc::cancelled,
        fmt::format("the server ended the stream after {} tokens: {}", tokens.size(), to_string(news.finished)));
  out.object({{"prompt_tokens", stream.prompt_tokens()},
              {"tokens", tokens},
              {"text", replace_invalid_utf8(text)},
              {"finish_reason", to_string(news.finished)},
              {"seconds", seconds(steady_clock::now() - started).count()},
              {"reconnects", stream.reconnects()},
              {"durability", stream.durable() ? "disk" : "memory"}});
  out.text("\n");
  out.note(fmt::format("{} prompt tokens, {} generated; ended by {}{}; durability={}", stream.prompt_tokens(),
                       tokens.size(), to_string(news.finished),
                       stream.reconnects() ? fmt::format("; connected again {} times", stream.reconnects()) : "",
                       stream.durable() ? "disk" : "memory"));
  return {};
}

double rate(std::size_t tokens, double taken_s) {
  return taken_s > 0 ? static_cast<double>(tokens) / taken_s : 0.0;
}

result<void> generate(const generate_command& given, console& out) {
  if (!given.server.empty()) return generate_at_server(given, out);
  if (given.model_file.empty())
    return error(errc::invalid_argument, "there is no model; give MODEL, or --server for one that is served");
  if (!given.kill_at.empty() && !given.language.placement.allow_fault_injection)
    return error(errc::invalid_argument, "--kill-at needs --allow-fault-injection");
  TROUPE_TRY(loaded_language loaded, load_language(given.model_file, given.language, 1, out));
  TROUPE_TRY(const auto prompt, read_prompt(given, loaded.words));
  TROUPE_TRY(const story told, tell(loaded, prompt, given, out));
  const bool stopped = told.finished == finish_reason::none;
  if (!given.logits_file.empty()) {
    const auto rows = static_cast<std::int64_t>(told.tokens.size());
    const auto columns = rows == 0 ? 0 : static_cast<std::int64_t>(told.logits.size()) / rows;
    TROUPE_TRY(const tensor logits, tensor::from<float>({rows, columns}, told.logits));
    TROUPE_CHECK(write_npy(given.logits_file, logits));
  }

  const std::uint64_t recoveries = loaded.steps->recoveries();
  TROUPE_TRY(const auto parts, loaded.network.placement());
  // The first generated token comes with the prompt.
  const std::size_t later = told.tokens.empty() ? 0 : told.tokens.size() - 1;
  out.object({{"prompt_tokens", prompt},
              {"tokens", told.tokens},
              {"text", replace_invalid_utf8(told.text)},
              {"finish_reason", reason(told, stopped)},
              {"timings",
               {{"load", {{"seconds", loaded.load_s}}},
                {"prompt", {{"seconds", told.prompt_s}, {"tokens_per_second", rate(prompt.size(), told.prompt_s)}}},
                {"generate", {{"seconds", told.generate_s}, {"tokens_per_second", rate(later, told.generate_s)}}}}},
              {"weights_sent_bytes", weights_sent(parts)},
              {"recoveries", recoveries}});
  out.text("\n");
  out.note(fmt::format("{} prompt tokens at {:.1f} tokens/s, {} generated at {:.1f} tokens/s; ended by {}{}",
                       prompt.size(), rate(prompt.size(), told.prompt_s), told.tokens.size(),
                       rate(later, told.generate_s), reason(told, stopped),
                       recoveries ? fmt::format("; recovered {} times", recoveries) : ""));
  return {};
}

}  // namespace

void add_generate(program& to) {
  auto given = std::make_shared<generate_command>();
  CLI::App& command =
      to.add("generate", "Continues a text with a language model",
             "troupe generate model.gguf --prompt \"Once upon a time\" --max-tokens 64 --temperature 0.8",
             [given](console& out) { return generate(*given, out); });
  command.add_option("MODEL", given->model_file, "GGUF file; not with --server");
  command.add_option("--server", given->server, "Ask this `troupe serve` instead; lost connections are made again")
      ->type_name("HOST:PORT");
  command.add_option("--patience", given->patience_s, "With --server: seconds to wait for a server that is gone")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  CLI::Option_group* prompts = command.add_option_group("prompt");
  given->prompt.add_to(*prompts, "prompt", "The text to continue; special tokens in it are recognised");
  prompts->add_option("--tokens", given->tokens, "The prompt as tokens: 1,2,3")
      ->delimiter(',')
      ->allow_extra_args(false);
  prompts->require_option(1);
  command.add_flag("--no-bos", given->no_begin, "Leave out the tokens that begin and end a prompt");
  command.add_flag("--chat", given->chat, "The prompt is what a user says: put it into the layout of the model's file");
  command
      .add_option("--chat-template", given->layout, "The same, in the layout of this name: " + chat_template::names())
      ->type_name("NAME");
  command.add_option("--system", given->system_message, "With --chat: what the model is told before the user speaks")
      ->type_name("TEXT");
  command.add_option("--max-tokens", given->tokens_max, "Tokens to generate at most")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 24))
      ->capture_default_str();
  sampling_options& sampling = given->sampling;
  command.add_option("--temperature", sampling.temperature, "0: always the most probable token; 1: as the model is")
      ->capture_default_str();
  command.add_option("--top-k", sampling.top_k, "Only so many of the most probable tokens; 0: all")
      ->capture_default_str();
  command.add_option("--top-p", sampling.top_p, "Only the most probable tokens that together have this probability")
      ->capture_default_str();
  command.add_option("--min-p", sampling.min_p, "Only tokens at least this fraction as probable as the best one")
      ->capture_default_str();
  command.add_option("--repeat-penalty", sampling.repetition_penalty, "Makes recent tokens less probable; 1: does not")
      ->capture_default_str();
  command.add_option("--repeat-last", sampling.penalty_window, "How many tokens count as recent")
      ->capture_default_str();
  command.add_option("--stop", given->stops, "Stop before this text; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command.add_flag("--ignore-eos", given->ignore_end, "Go on after tokens that end a text");
  command
      .add_option("--logits", given->logits_file,
                  "Write the logits of every generated token: float32 [tokens, vocabulary]")
      ->type_name("FILE.npy");
  command.add_option("--kill-at", given->kill_at, "Kill a shard when so many tokens are generated; repeatable")
      ->type_name("N")
      ->allow_extra_args(false);
  command.add_option("--kill-part", given->kill_part, "Which shard --kill-at kills")
      ->type_name("PART")
      ->capture_default_str();
  given->language.add_to(command);
}

}  // namespace troupe::app
