#include "kernels/non_max_suppression.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace troupe {
namespace {

struct box {
  float y1, x1, y2, x2;
  float area() const { return (y2 - y1) * (x2 - x1); }
};

/// Corners in any order, or the centre and the size.
box read_box(const float* numbers, bool from_centre) {
  const auto [a, b, c, d] = std::array{numbers[0], numbers[1], numbers[2], numbers[3]};
  if (from_centre) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

/// The part of their union that two boxes share; 0 when it is empty.
float overlap(const box& a, const box& b) {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (!(height > 0) || !(width > 0)) return 0;
  const float shared = height * width;
  const float whole = a.area() + b.area() - shared;
  return whole > 0 ? shared / whole : 0;
}

result<double> number(const std::vector<const tensor*>& operands, std::size_t i, double fallback) {
  if (i >= operands.size() || !operands[i]) return fallback;
  TROUPE_TRY(const tensor wide, convert(*operands[i], dtype::f64));
  return wide.as<double>()[0];
}

}  // namespace

result<std::vector<std::array<std::int64_t, 3>>> select_boxes(const node& step,
                                                              const std::vector<const tensor*>& operands) {
  TROUPE_TRY(const tensor boxes, convert(*operands[0], dtype::f32));
  TROUPE_TRY(const tensor scores, convert(*operands[1], dtype::f32));
  TROUPE_TRY(const double most, number(operands, 2, 0));
  TROUPE_TRY(const double overlap_max, number(operands, 3, 0));
  TROUPE_TRY(const double score_min, number(operands, 4, -std::numeric_limits<double>::infinity()));
  const bool has_minimum = operands.size() > 4 && operands[4];
  const bool from_centre = step.int_or("center_point_box", 0) != 0;
  const std::int64_t batches = scores.dims()[0], classes = scores.dims()[1], count = scores.dims()[2];
  std::vector<std::array<std::int64_t, 3>> chosen;
  std::vector<std::int64_t> order;
  std::vector<box> kept;
  for (std::int64_t line = 0; line < batches * classes; ++line) {
    const float* const score = scores.as<float>().data() + line * count;
    const float* const corners = boxes.as<float>().data() + line / classes * count * 4;
    order.clear();
    for (std::int64_t i = 0; i < count; ++i)
      if (!has_minimum || score[i] > score_min) order.push_back(i);
    // A NaN is no score; without a minimum it would spoil the order.
    std::erase_if(order, [&](std::int64_t i) { return score[i] != score[i]; });
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return score[a] > score[b]; });
    kept.clear();
    for (const std::int64_t i : order) {
      if (!(static_cast<double>(kept.size()) < most)) break;
      const box here = read_box(corners + 4 * i, from_centre);
      const bool hidden = std::any_of(kept.begin(), kept.end(), [&](const box& better) {
        return overlap(here, better) > static_cast<float>(overlap_max);
      });
      if (hidden) continue;
      kept.push_back(here);
      chosen.push_back({line / classes, line % classes, i});
    }
  }
  return chosen;
}

result<void> non_max_suppression_reference(reference_context& context) {
  std::vector<const tensor*> operands;
  for (std::size_t i = 0; i < context.input_count(); ++i)
    operands.push_back(context.has_input(i) ? &context.input(i) : nullptr);
  TROUPE_TRY(const auto chosen, select_boxes(context.step(), operands));
  const auto target = context.output(0).as_mutable<std::int64_t>();
  for (std::size_t i = 0; i < chosen.size(); ++i) std::copy(chosen[i].begin(), chosen[i].end(), &target[3 * i]);
  return {};
}

}  // namespace troupe
