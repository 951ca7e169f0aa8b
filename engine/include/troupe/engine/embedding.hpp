// One vector for a whole text, from a language model.
#pragma once

#include <span>
#include <vector>

#include "troupe/engine/generation.hpp"

namespace troupe {

/// What becomes of the vectors of a text's tokens.
enum class pooling : std::uint8_t {
  mean,  ///< of all tokens, summed in their order in double precision
  last,  ///< the last token's, which has seen all others
};

/// The embedding of `tokens`: `language_model_parameters::width` numbers. `inputs` are those of a graph made with
/// `language_model_options::embeddings` alone; `runner` runs it. The text takes the first row of the page table and its
/// first pages, so nobody else may use the model meanwhile. `invalid_argument` for an empty text or one that is longer
/// than the context.
result<std::vector<float>> embed(const std::vector<value_info>& inputs, step_runner& runner,
                                 std::span<const token_id> tokens, pooling how, time_point deadline,
                                 const cancellation& cancel = {});

}  // namespace troupe
