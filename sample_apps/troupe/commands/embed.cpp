// troupe embed MODEL.gguf: a text as one vector.
#include <cmath>
#include <map>

#include "commands.hpp"
#include "language.hpp"
#include "text_files.hpp"
#include "troupe/engine/embedding.hpp"
#include "troupe/engine/npy.hpp"

namespace troupe::app {
namespace {

struct embed_command {
  std::string model_file, output_file;
  text_source source;
  std::string pooling_name = "mean";
  bool normalize = false;
  language_options language;
};

void normalize(std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  if (squares > 0)
    for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
}

result<void> embed_text(const embed_command& given, console& out) {
  TROUPE_TRY(loaded_language loaded,
             load_language(given.model_file, given.language, 1, out, language_output::embeddings));
  TROUPE_TRY(const std::string text, given.source.read());
  TROUPE_TRY(const auto tokens, loaded.words.encode(text));
  const std::map<std::string, pooling> kinds{{"mean", pooling::mean}, {"last", pooling::last}};
  TROUPE_TRY(auto vector, embed(loaded.network.inputs(), *loaded.steps, tokens, kinds.at(given.pooling_name),
                                steady_clock::now() + given.language.spread.for_running().deadline));
  if (given.normalize) normalize(vector);
  if (!given.output_file.empty()) {
    TROUPE_TRY(const tensor data, tensor::from<float>({static_cast<std::int64_t>(vector.size())}, vector));
    TROUPE_CHECK(write_npy(given.output_file, data));
  }
  out.object({{"tokens", tokens.size()}, {"pooling", given.pooling_name}, {"embedding", vector}});
  out.line("{} numbers of {} tokens{}", vector.size(), tokens.size(),
           given.output_file.empty() ? "; --output FILE.npy or --json gives them" : " in " + given.output_file);
  return {};
}

}  // namespace

void add_embed(program& to) {
  auto given = std::make_shared<embed_command>();
  CLI::App& command = to.add("embed", "Makes one vector of a text with a language model",
                             "troupe embed model.gguf --text \"Once upon a time\" --output vector.npy",
                             [given](console& out) { return embed_text(*given, out); });
  command.add_option("MODEL", given->model_file, "GGUF file")->required();
  given->source.add_to(command, "The text");
  command.add_option("--pooling", given->pooling_name, "mean: of all tokens; last: the last token's")
      ->check(CLI::IsMember({"mean", "last"}))
      ->capture_default_str();
  command.add_flag("--normalize", given->normalize, "Scale the vector to length 1");
  command.add_option("--output", given->output_file, "Write the vector here, float32")->type_name("FILE.npy");
  given->language.add_to(command);
}

}  // namespace troupe::app
