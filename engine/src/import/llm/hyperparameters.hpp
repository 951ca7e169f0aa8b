// What the metadata of a language model says about its layers, checked.
#pragma once

#include <string>

#include "troupe/engine/language_model.hpp"

namespace troupe::llm {

/// How rotary angles grow with the position.
struct rotary_scaling {
  enum class kind { none, linear, yarn, longrope };
  kind type = kind::none;
  double factor = 1;  ///< positions are divided by it
  double attention_factor = 1;
  double beta_fast = 32, beta_slow = 1;
  std::int64_t original_context = 0;
};

/// The parts of metadata that several architectures have.
struct hyperparameters {
  language_model_parameters model;
  float epsilon = 1e-5f;
  std::int64_t rotary_size = 0;
  double rotary_base = 10000;
  rotary_scaling scaling;
};

/// Keys of a model begin with the name of its architecture: ".block_count" is "llama.block_count".
class model_keys {
public:
  model_keys(const gguf_file& file, std::string architecture) : file_(file), architecture_(std::move(architecture)) {}

  std::string name(std::string_view key) const { return architecture_ + std::string(key); }
  bool has(std::string_view key) const { return file_.has(name(key)); }
  /// An integer of [least, most]; an array counts when all its elements are the same (one for each layer).
  result<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  /// `fallback` when there is no such key.
  result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                                  std::int64_t most) const;
  result<double> number(std::string_view key) const { return file_.number(name(key)); }
  result<double> number_or(std::string_view key, double fallback) const { return file_.number_or(name(key), fallback); }
  result<std::string_view> text_or(std::string_view key, std::string_view fallback) const {
    return file_.text_or(name(key), fallback);
  }

private:
  const gguf_file& file_;
  std::string architecture_;
};

/// The architecture's name; printable, and nothing else is known about it.
result<std::string> read_architecture(const gguf_file& file);

result<hyperparameters> read_hyperparameters(const gguf_file& file, const model_keys& keys, std::string architecture);

}  // namespace troupe::llm
