// A story told by the little language model, over whatever shards its graph was loaded into.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "troupe/engine/language_model.hpp"
#include "troupe/engine/tokenizer.hpp"
#include "troupe/model_steps.hpp"

namespace troupe::demo {

struct story {
  std::vector<token_id> tokens;
  std::string text;  ///< the prompt's words and what followed
  std::uint64_t recoveries = 0;
  double seconds = 0;
};

/// The model's file and its tokenizer.
struct storyteller {
  language_model written;
  tokenizer words;

  static result<storyteller> read(const std::filesystem::path& file);
  /// Goes on from `beginning` until the story ends. `each_token` is called after each token with how many there are and
  /// the text so far.
  result<story> tell(const model& over, const std::string& beginning,
                     const std::function<result<void>(std::size_t, const std::string&)>& each_token = {}) const;
};

/// How many tokens of `whole` there are in the middle of a sentence near its middle.
std::size_t middle_of_a_sentence(const storyteller& teller, const story& whole);

/// Lines of at most `width` bytes, broken at spaces.
std::vector<std::string> wrapped(const std::string& text, std::size_t width);

}  // namespace troupe::demo
