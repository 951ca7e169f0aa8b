#include "troupe/engine/embedding.hpp"

#include <algorithm>
#include <deque>
#include <numeric>

#include "generation/step_inputs.hpp"
#include "generation/step_plan.hpp"
#include "kernels/cached_attention.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::size_t rows_of_a_step = 128;

/// Adds the rows of one step to `sums`, or lets the last of them replace it.
result<void> pool(const std::vector<tensor>& outputs, std::size_t rows, pooling how, std::vector<double>& sums) {
  if (outputs.empty() || outputs[0].type() != dtype::f32 || outputs[0].dims().rank() != 2 ||
      outputs[0].dims()[0] < static_cast<std::int64_t>(rows))
    return fail(errc::internal, "the model gives no embeddings");
  const auto width = static_cast<std::size_t>(outputs[0].dims()[1]);
  const auto values = outputs[0].as<float>();
  if (how == pooling::last) sums.assign(width, 0.0);
  sums.resize(width, 0.0);
  for (std::size_t row = how == pooling::last ? rows - 1 : 0; row < rows; ++row)
    for (std::size_t i = 0; i < width; ++i) sums[i] += values[row * width + i];
  return {};
}

result<std::vector<double>> read(const step_layout& layout, step_runner& runner, std::span<const token_id> tokens,
                                 pooling how, time_point deadline, const cancellation& cancel) {
  std::vector<std::int32_t> pages((tokens.size() + cache_page_positions - 1) / cache_page_positions);
  std::iota(pages.begin(), pages.end(), 1);  // page 0 is nobody's
  std::vector<double> sums;
  std::deque<std::size_t> under_way;  // rows of each step
  std::size_t next = 0;
  while (next < tokens.size() || !under_way.empty()) {
    const std::size_t stages = runner.stages();
    while (next < tokens.size() && under_way.size() < steps_at_once(stages)) {
      const std::size_t count = std::min(prompt_rows(rows_of_a_step, stages), tokens.size() - next);
      step_inputs inputs(layout);
      inputs.set_pages(0, pages);
      for (const std::size_t end = next + count; next < end; ++next) {
        inputs.add_row(tokens[next], static_cast<std::int32_t>(next), 0);
        inputs.want_logits();
      }
      TROUPE_TRY(auto operands, inputs.finish());
      runner.begin(std::move(operands), deadline);
      under_way.push_back(count);
    }
    TROUPE_TRY(const auto outputs, runner.collect(deadline, cancel));
    TROUPE_CHECK(pool(outputs, under_way.front(), how, sums));
    under_way.pop_front();
  }
  return sums;
}

}  // namespace

result<std::vector<float>> embed(const std::vector<value_info>& inputs, step_runner& runner,
                                 std::span<const token_id> tokens, pooling how, time_point deadline,
                                 const cancellation& cancel) {
  TROUPE_TRY(const step_layout layout, step_layout::of(inputs));
  const auto context = static_cast<std::size_t>(layout.session_pages * cache_page_positions);
  if (tokens.empty() || tokens.size() > context)
    return fail(errc::invalid_argument, "the text has {} tokens; 1 to {} are possible with this context", tokens.size(),
                context);
  while (true) {
    auto sums = read(layout, runner, tokens, how, deadline, cancel);
    if (sums) {
      const double count = how == pooling::mean ? static_cast<double>(tokens.size()) : 1.0;
      std::vector<float> made;
      for (const double sum : *sums) made.push_back(static_cast<float>(sum / count));
      return made;
    }
    runner.abandon();
    // A lost cache is begun anew.
    if (sums.error().code() != errc::state_lost || steady_clock::now() >= deadline) return std::move(sums).error();
  }
}

}  // namespace troupe
