#include "language.hpp"

#include "weight_progress.hpp"

namespace troupe::app {

void language_options::add_to(CLI::App& command) {
  command.add_option("--context", context, "Positions of a session: prompt and generated tokens together")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->type_name("N");
  command
      .add_option("--cache-pages", cache_pages,
                  "Pages of 16 positions that all sessions share; by default enough for all")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 24))
      ->type_name("N");
  placement.add_to(command);
  spread.add_to(command);
}

result<loaded_language> load_language(const std::string& file, const language_options& given, std::int64_t sessions,
                                      console& out, language_output gives) {
  const auto started = steady_clock::now();
  out.progress("loading " + file);
  TROUPE_TRY(language_model read, load_language_model(file, {.sessions = sessions,
                                                             .context = given.context,
                                                             .cache_pages = given.cache_pages,
                                                             .logits = gives == language_output::logits,
                                                             .embeddings = gives == language_output::embeddings}));
  auto words = tokenizer::from_gguf(read.file);
  if (!words) return error(words.error()).while_doing(file);
  if (given.spread.parallel != "pipeline")
    return error(errc::unsupported,
                 fmt::format("a language model runs as a pipeline, not with --parallel {}", given.spread.parallel));
  TROUPE_TRY(system made, system::make(given.placement.for_system()));
  auto on = std::make_unique<system>(std::move(made));
  load_options options = given.spread.for_loading(given.placement);
  options.planning.in_flight = static_cast<std::size_t>(sessions);
  weight_progress moving(out, file);
  options.on_progress = moving.callback();
  TROUPE_TRY(model network, on->load(read.graph, options).while_doing(fmt::format("loading {}", file)));
  moving.stop();
  if (given.placement.verbose) print_placement(network);
  auto steps = std::make_unique<model_steps>(network);
  TROUPE_TRY(generator made_sessions,
             generator::make(network.inputs(), *steps,
                             {.cache_pages = read.cache_pages, .vocabulary = read.parameters.vocabulary}));
  const double load_s = std::chrono::duration<double>(steady_clock::now() - started).count();
  out.clear_progress();
  return loaded_language{std::move(on),
                         std::move(read.parameters),
                         std::move(words).value(),
                         std::move(network),
                         std::move(steps),
                         std::move(made_sessions),
                         load_s};
}

}  // namespace troupe::app
