#include <algorithm>
#include <array>
#include <new>

#include "import/llm/architectures.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct architecture {
  std::string_view name;
  llm::build_function build;
};

constexpr std::array<architecture, 8> architectures{{{"gemma2", llm::build_gemma2},
                                                     {"gemma3", llm::build_gemma3},
                                                     {"llama", llm::build_llama},
                                                     {"phi3", llm::build_phi3},
                                                     {"qwen2", llm::build_qwen2},
                                                     {"qwen2moe", llm::build_qwen2moe},
                                                     {"qwen3", llm::build_qwen3},
                                                     {"qwen3moe", llm::build_qwen3moe}}};

result<architecture> find_architecture(const gguf_file& file) {
  TROUPE_TRY(const std::string name, llm::read_architecture(file));
  const auto* const found = std::find_if(architectures.begin(), architectures.end(),
                                         [&](const architecture& each) { return each.name == name; });
  if (found != architectures.end()) return *found;
  return fail(errc::unsupported, "models of the architecture \"{}\" are not supported; {} are", name,
              fmt::join(language_architectures(), ", "));
}

/// Sessions, context and pages: what was asked for, within what the model and memory allow.
result<void> choose_sizes(const language_model_options& options, language_model& into) {
  const auto refuse = [](std::string_view what, std::int64_t value, std::int64_t least, std::int64_t most) {
    return fail(errc::invalid_argument, "{} {} are asked for; {} to {} are possible", value, what, least, most);
  };
  into.sessions = options.sessions;
  if (into.sessions < 1 || into.sessions > limits::language_sessions_max)
    return refuse("sessions", into.sessions, 1, limits::language_sessions_max);
  const std::int64_t context = options.context != 0
                                   ? options.context
                                   : std::min(into.parameters.trained_context, limits::language_default_context);
  if (context < 1 || context > limits::language_context_max)
    return refuse("positions of context", context, 1, limits::language_context_max);
  into.pages_per_session = (context + cache_page_positions - 1) / cache_page_positions;
  into.context = into.pages_per_session * cache_page_positions;
  into.cache_pages = options.cache_pages != 0 ? options.cache_pages : into.sessions * into.pages_per_session + 1;
  constexpr std::int64_t pages_max =
      limits::language_sessions_max * limits::language_context_max / cache_page_positions + 1;
  if (into.cache_pages < 2 || into.cache_pages > pages_max)
    return refuse("pages of the cache", into.cache_pages, 2, pages_max);
  const std::array<std::int64_t, 4> extents{into.cache_pages, into.parameters.kv_heads, cache_page_positions,
                                            into.parameters.head_size};
  TROUPE_CHECK(shape::make(extents));
  if (!options.logits && !options.embeddings)
    return fail(errc::invalid_argument, "neither logits nor embeddings are asked for; one of them is needed");
  return {};
}

}  // namespace

std::vector<std::string> language_architectures() {
  std::vector<std::string> names;
  for (const architecture& each : architectures) names.emplace_back(each.name);
  return names;
}

result<language_model_parameters> read_language_model_parameters(const gguf_file& file) {
  TROUPE_TRY(const architecture chosen, find_architecture(file));
  const std::string name(chosen.name);
  TROUPE_TRY(llm::hyperparameters given, llm::read_hyperparameters(file, llm::model_keys(file, name), name));
  return std::move(given.model);
}

result<language_model> build_language_model(const gguf_file& file, const language_model_options& options) try {
  TROUPE_TRY(const architecture chosen, find_architecture(file));
  const std::string name(chosen.name);
  const llm::model_keys keys(file, name);
  TROUPE_TRY(const llm::hyperparameters given, llm::read_hyperparameters(file, keys, name));
  language_model made{.parameters = given.model, .graph = {}, .file = file};
  TROUPE_CHECK(choose_sizes(options, made));
  made.graph.name = given.model.name;
  made.graph.metadata = {{"architecture", name}};
  llm::model_builder builder(file, given, made);
  TROUPE_CHECK(chosen.build(builder, keys, options));
  TROUPE_CHECK(validate(made.graph));
  return made;
} catch (const std::bad_alloc&) {
  return fail(errc::out_of_memory, "the host has no memory for the graph of the model");
}

result<language_model> load_language_model(const std::filesystem::path& file, const language_model_options& options,
                                           gguf_access access) {
  TROUPE_TRY(const gguf_file opened, gguf_file::open(file, access));
  return build_language_model(opened, options).while_doing(fmt::format("loading {}", file.string()));
}

}  // namespace troupe
