// troupe tokenize MODEL.gguf: the tokens of a text, as the model's own tokenizer makes them.
#include "commands.hpp"
#include "text_files.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe::app {
namespace {

struct tokenize_command {
  std::string model_file;
  text_source source;
  bool no_begin = false;
};

result<void> tokenize(const tokenize_command& given, console& out) {
  TROUPE_TRY(const gguf_file file, gguf_file::open(given.model_file));
  const auto made = tokenizer::from_gguf(file);
  if (!made) return error(made.error()).while_doing(given.model_file);
  TROUPE_TRY(const std::string text, given.source.read());
  TROUPE_TRY(const std::vector<token_id> tokens, made->encode(text, {.add_special = !given.no_begin}));

  json ids = json::array(), pieces = json::array();
  table shown{{"token", "piece"}, {}};
  for (const token_id token : tokens) {
    // A token may be a part of a code point, which neither JSON nor a terminal can show.
    const json piece = replace_invalid_utf8(made->piece(token));
    ids.push_back(token);
    pieces.push_back(piece);
    shown.rows.push_back({fmt::format("{}", token), piece.dump()});
  }
  out.object({{"tokens", std::move(ids)}, {"pieces", std::move(pieces)}});
  out.print(shown);
  return {};
}

}  // namespace

void add_tokenize(program& to) {
  auto given = std::make_shared<tokenize_command>();
  CLI::App& command = to.add("tokenize", "Prints the tokens of a text, as a language model sees it",
                             "troupe tokenize model.gguf --text \"Once upon a time\"",
                             [given](console& out) { return tokenize(*given, out); });
  command.add_option("MODEL", given->model_file, "GGUF file")->required();
  given->source.add_to(command, "The text; special tokens in it are recognised");
  command.add_flag("--no-bos", given->no_begin, "Leave out the tokens that begin and end a prompt");
}

}  // namespace troupe::app
