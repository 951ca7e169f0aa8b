#include "kernels/expert_router.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace troupe {

result<void> expert_router_reference(reference_context& context) {
  TROUPE_TRY(const expert_choice choice, expert_choice_of(context.step(), context.input(0).dims()));
  TROUPE_TRY(auto logits, context.input_floats(0));
  for (float& value : logits)
    if (std::isnan(value)) value = -std::numeric_limits<float>::infinity();
  const auto experts = static_cast<std::size_t>(choice.experts), top = static_cast<std::size_t>(choice.top);
  std::vector<float> ids, weights;
  std::vector<std::size_t> order(experts);
  for (std::size_t begin = 0; begin < logits.size(); begin += experts) {
    const float* row = logits.data() + begin;
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
    // A row of nothing but minus infinity shares evenly.
    const double largest = row[order[0]];
    const auto part = [&](std::size_t expert) {
      return static_cast<double>(row[expert]) == largest ? 1.0 : std::exp(row[expert] - largest);
    };
    double sum = 0;
    for (std::size_t i = 0; i < (choice.normalized ? top : experts); ++i) sum += part(order[i]);
    for (std::size_t i = 0; i < top; ++i) {
      ids.push_back(static_cast<float>(order[i]));
      weights.push_back(static_cast<float>(choice.scale * (part(order[i]) / sum)));
    }
  }
  if (context.wants_output(0)) TROUPE_CHECK(context.set_output_floats(0, ids));
  if (context.wants_output(1)) TROUPE_CHECK(context.set_output_floats(1, weights));
  return {};
}

}  // namespace troupe
