// The inputs of one step of a language model, put together row by row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// What the declared inputs of a language model's graph say, and where among them each operand of a step is.
struct step_layout {
  std::size_t tokens = 0, positions = 0, sequences = 0, pages = 0, output_rows = 0;  ///< places in the list of inputs
  std::size_t input_count = 0;
  std::int64_t sessions = 0;       ///< rows of the page table
  std::int64_t session_pages = 0;  ///< its columns

  /// `invalid_argument` when it is not the graph of a language model.
  static result<step_layout> of(const std::vector<value_info>& inputs);
};

/// Rows of one step. Numbers of rows are rounded up to one of few, with rows that do nothing, so that few shapes are
/// compiled.
class step_inputs {
public:
  explicit step_inputs(const step_layout& layout);

  void set_pages(std::int64_t sequence, std::span<const std::int32_t> pages);
  void add_row(std::int32_t token, std::int32_t position, std::int32_t sequence);
  /// The logits of the row added last are wanted; which row of the result they will be.
  std::size_t want_logits();

  std::size_t rows() const noexcept { return tokens_.size(); }
  /// The tensors, in the order of the model's inputs.
  result<std::vector<tensor>> finish();

private:
  step_layout layout_;
  std::vector<std::int32_t> tokens_, positions_, sequences_, pages_, output_rows_;
};

}  // namespace troupe
