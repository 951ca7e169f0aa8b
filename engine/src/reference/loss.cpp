#include "kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// The logarithm of the softmax over axis 1 of [outer, classes, inner], in place.
void take_log_softmax(std::span<float> scores, std::int64_t classes, std::int64_t inner) {
  const auto count = static_cast<std::int64_t>(scores.size()) / classes;
  for (std::int64_t i = 0; i < count; ++i) {
    float* const row = scores.data() + i / inner * classes * inner + i % inner;
    float peak = -std::numeric_limits<float>::infinity();
    for (std::int64_t c = 0; c < classes; ++c) peak = std::max(peak, row[c * inner]);
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(row[c * inner]) - peak);
    const double logarithm = std::log(sum) + peak;
    for (std::int64_t c = 0; c < classes; ++c) row[c * inner] = static_cast<float>(row[c * inner] - logarithm);
  }
}

}  // namespace

result<void> loss_reference(reference_context& context) {
  const node& step = context.step();
  TROUPE_TRY(const loss_reduction reduction, read_loss_reduction(step));
  TROUPE_TRY(auto scores, context.input_floats(0));
  TROUPE_TRY(const auto labels, context.input_ints(1));
  std::vector<float> weights;
  if (context.has_input(2)) {
    TROUPE_TRY(weights, context.input_floats(2));
  }
  const shape& dims = context.input(0).dims();
  const std::int64_t classes = dims[1];
  const std::int64_t inner = dims.elements(2, dims.rank());
  if (step.op == "SoftmaxCrossEntropyLoss" && !scores.empty()) take_log_softmax(scores, classes, inner);
  if (context.wants_output(1)) TROUPE_CHECK(context.set_output_floats(1, scores));
  if (!context.wants_output(0)) return {};
  // Without the attribute no label is left out.
  const bool ignores = step.has("ignore_index");
  const std::int64_t ignored = step.int_or("ignore_index", 0);
  std::vector<float> losses;
  double sum = 0, total_weight = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::int64_t label = labels[i];
    if (ignores && label == ignored) {
      losses.push_back(0);
      continue;
    }
    if (label < 0 || label >= classes)
      return fail(errc::invalid_argument, "{} has the label {}, but {} classes", step.describe(), label, classes);
    const auto place = static_cast<std::int64_t>(i);
    const float score = scores[static_cast<std::size_t>((place / inner * classes + label) * inner + place % inner)];
    const float weight = weights.empty() ? 1.0f : weights[static_cast<std::size_t>(label)];
    losses.push_back(-score * weight);
    sum += losses.back();
    total_weight += weight;
  }
  if (reduction == loss_reduction::none) return context.set_output_floats(0, losses);
  const float value = static_cast<float>(reduction == loss_reduction::mean ? sum / total_weight : sum);
  return context.set_output_floats(0, {&value, 1});
}

}  // namespace troupe
