// Language models: GGUF files to graphs that run as any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "troupe/engine/cache_pages.hpp"
#include "troupe/engine/gguf.hpp"
#include "troupe/engine/graph.hpp"

namespace troupe {

/// What the graph of a language model is made for.
struct language_model_options {
  /// Sequences that are under way at once: rows of the page table.
  std::int64_t sessions = 1;
  /// Positions of a sequence, rounded up to whole pages; 0: what the model was trained for, at most
  /// `limits::language_default_context`.
  std::int64_t context = 0;
  /// Pages of the caches, with page 0, which no sequence uses; 0: enough for every session's whole context.
  std::int64_t cache_pages = 0;
  /// Which outputs the graph has; at least one.
  bool logits = true;
  bool embeddings = false;
};

/// What a model is, from the metadata of its file.
struct language_model_parameters {
  std::string architecture;  ///< "llama", "qwen2", ...
  std::string name;          ///< may be empty
  std::int64_t vocabulary = 0;
  std::int64_t trained_context = 0;
  std::int64_t layers = 0;
  std::int64_t width = 0;  ///< elements of a row between layers
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::int64_t feed_forward = 0;  ///< elements inside a layer's feed-forward part
  std::int64_t experts = 0;       ///< 0: one dense part
  std::int64_t experts_used = 0;
  std::int64_t elements = 0;              ///< of all tensors: what people call its parameters
  std::vector<std::int64_t> end_of_text;  ///< ids after which a text ends, as far as the metadata names them
};

/// A model ready to be loaded into a device. The graph's inputs are `tokens`, `positions` and `sequences` (int32
/// [rows]), `pages` (int32 [sessions, pages_per_session]) and `output_rows` (int32 [outputs], the rows whose results
/// are wanted); its outputs `logits` (float32 [outputs, vocabulary]) and `embeddings` (float32 [outputs, width], the
/// rows behind the last normalisation). A row with position -1 is padding. Keys and values of earlier rows are kept in
/// states of the graph, in the pages that the page table names.
struct language_model {
  language_model_parameters parameters;
  std::int64_t sessions = 0;
  std::int64_t pages_per_session = 0;
  std::int64_t context = 0;  ///< positions of a sequence: `pages_per_session * cache_page_positions`
  std::int64_t cache_pages = 0;
  troupe::graph graph;
  gguf_file file;  ///< for the tokenizer; the graph's weights share its memory
};

/// Names of the architectures that `load_language_model` builds.
std::vector<std::string> language_architectures();

/// Reads only what the metadata says. `unsupported` names an architecture that Troupe does not build.
result<language_model_parameters> read_language_model_parameters(const gguf_file& file);

/// Builds the graph of a model. The error names the key or the tensor that is missing or does not fit, with what was
/// found and what is needed; `unsupported` when Troupe lacks the architecture, a tensor's type or an option of either.
result<language_model> load_language_model(const std::filesystem::path& file,
                                           const language_model_options& options = {},
                                           gguf_access access = gguf_access::mapped);

/// The same for a file that is open already.
result<language_model> build_language_model(const gguf_file& file, const language_model_options& options = {});

}  // namespace troupe
