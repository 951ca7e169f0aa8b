// The builders: one source for each architecture.
#pragma once

#include "import/llm/blocks.hpp"

namespace troupe::llm {

/// Adds embedding, layers and head to the graph.
using build_function = result<void> (*)(model_builder& to, const model_keys& keys,
                                        const language_model_options& options);

result<void> build_gemma2(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_gemma3(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_llama(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_phi3(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_qwen2(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_qwen2moe(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_qwen3(model_builder& to, const model_keys& keys, const language_model_options& options);
result<void> build_qwen3moe(model_builder& to, const model_keys& keys, const language_model_options& options);

}  // namespace troupe::llm
