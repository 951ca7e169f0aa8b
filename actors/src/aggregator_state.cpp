#include "aggregator_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

result<void> check_same(const std::vector<tensor>& candidates) {
  for (const tensor& candidate : candidates)
    if (candidate.type() != candidates[0].type() || candidate.dims() != candidates[0].dims())
      return fail(errc::invalid_argument, "the models of the ensemble disagree: one gives {}, another {}",
                  candidates[0].describe(), candidate.describe());
  return {};
}

result<tensor> weighted_sum(const std::vector<tensor>& candidates, const std::vector<float>& weights) {
  TROUPE_CHECK(check_same(candidates));
  TROUPE_TRY(tensor sum, tensor::make(dtype::f32, candidates[0].dims()));
  const auto target = sum.as_mutable<float>();
  for (std::size_t m = 0; m < candidates.size(); ++m) {
    TROUPE_TRY(const tensor wide, convert(candidates[m], dtype::f32));
    const auto source = wide.as<float>();
    for (std::size_t i = 0; i < source.size(); ++i) target[i] += weights[m] * source[i];
  }
  return convert_to_storage(sum, candidates[0].type());
}

/// Counts, for each row along the last axis, how many models have their largest value there (the first on a tie).
result<tensor> vote(const std::vector<tensor>& candidates) {
  TROUPE_CHECK(check_same(candidates));
  const shape& dims = candidates[0].dims();
  if (dims.rank() == 0 || dims[dims.rank() - 1] == 0)
    return fail(errc::invalid_argument, "a vote needs classes along the last axis; the output is {}",
                candidates[0].describe());
  const auto classes = static_cast<std::size_t>(dims[dims.rank() - 1]);
  TROUPE_TRY(tensor counts, tensor::make(dtype::f32, dims));
  const auto target = counts.as_mutable<float>();
  for (const tensor& candidate : candidates) {
    TROUPE_TRY(const tensor wide, convert(candidate, dtype::f32));
    const auto source = wide.as<float>();
    for (std::size_t row = 0; row < source.size(); row += classes) {
      const auto best = std::max_element(source.begin() + static_cast<std::ptrdiff_t>(row),
                                         source.begin() + static_cast<std::ptrdiff_t>(row + classes));
      target[static_cast<std::size_t>(best - source.begin())] += 1;
    }
  }
  return convert(counts, candidates[0].type());
}

/// Largest difference from `first` as a part of its largest magnitude; infinite where one is not a number and the other
/// is, or is another infinity.
result<double> difference(const tensor& first, const tensor& other) {
  TROUPE_TRY(const tensor a, convert(first, dtype::f64));
  TROUPE_TRY(const tensor b, convert(other, dtype::f64));
  double scale = 0, most = 0;
  for (std::size_t i = 0; i < a.elements(); ++i) {
    const double x = a.as<double>()[i], y = b.as<double>()[i];
    if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double apart = std::abs(x - y);
    most = std::isfinite(apart) ? std::max(most, apart) : std::numeric_limits<double>::infinity();
  }
  return most == 0 ? 0 : most / scale;
}

/// The first model's output, if the others agree.
result<tensor> agreed(const std::vector<tensor>& candidates, std::size_t output, double tolerance) {
  TROUPE_CHECK(check_same(candidates));
  std::vector<std::string> apart;
  for (std::size_t m = 1; m < candidates.size(); ++m) {
    const bool exact = !is_float(candidates[m].type());
    if (bitwise_equal(candidates[0], candidates[m])) continue;
    TROUPE_TRY(const double amount, difference(candidates[0], candidates[m]));
    if (exact || amount > tolerance) apart.push_back(fmt::format("model {} by {:.3g}", m + 1, amount));
  }
  if (apart.empty()) return candidates[0];
  return fail(errc::invalid_argument,
              "the models of the ensemble disagree in output {}: from model 1 differs {} of its largest magnitude; the "
              "tolerance is {}",
              output, fmt::join(apart, ", "), tolerance);
}

std::vector<float> normalized(const plan& layout, std::size_t count) {
  if (layout.join != join_policy::weighted_mean) return std::vector<float>(count, 1.0f / static_cast<float>(count));
  const double total = std::accumulate(layout.weights.begin(), layout.weights.end(), 0.0);
  std::vector<float> weights;
  for (const double weight : layout.weights) weights.push_back(static_cast<float>(weight / total));
  return weights;
}

}  // namespace

result<std::vector<tensor>> join(const plan& layout, const std::vector<std::vector<tensor>>& parts) {
  if (layout.mode == parallel_mode::pipeline || layout.mode == parallel_mode::tensor) return parts.front();
  std::vector<tensor> outputs;
  for (std::size_t output = 0; output < parts.front().size(); ++output) {
    std::vector<tensor> candidates;
    for (const auto& part : parts) {
      if (part.size() != parts.front().size())
        return error(errc::internal, "partial results of one request have different numbers of outputs");
      candidates.push_back(part[output]);
    }
    if (layout.mode == parallel_mode::data) {
      TROUPE_TRY(tensor joined, concat_rows(candidates));
      outputs.push_back(std::move(joined));
    } else if (layout.join == join_policy::vote) {
      TROUPE_TRY(tensor counted, vote(candidates));
      outputs.push_back(std::move(counted));
    } else if (layout.join == join_policy::compare) {
      TROUPE_TRY(tensor first, agreed(candidates, output, layout.tolerance));
      outputs.push_back(std::move(first));
    } else {
      TROUPE_TRY(tensor mean, weighted_sum(candidates, normalized(layout, candidates.size())));
      outputs.push_back(std::move(mean));
    }
  }
  return outputs;
}

void aggregator_state::expect(std::uint64_t request, std::uint32_t micros, std::uint32_t first_attempt) {
  // The coordinator forgets what it gave up; should it fail to, the oldest request goes.
  while (requests_.size() >= aggregator_limits::requests_max) requests_.erase(requests_.begin());
  requests_[request] = {std::vector<std::optional<std::vector<tensor>>>(micros), micros, first_attempt};
}

std::optional<aggregator_state::joined_parts> aggregator_state::add(std::uint64_t request, std::uint32_t attempt,
                                                                    std::uint32_t micro, std::vector<tensor> outputs) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return std::nullopt;
  collection& collected = found->second;
  if (attempt < collected.first_attempt || micro >= collected.parts.size() || collected.parts[micro])
    return std::nullopt;
  collected.parts[micro] = std::move(outputs);
  if (--collected.missing > 0) return std::nullopt;
  std::vector<std::vector<tensor>> parts;
  for (auto& part : collected.parts) parts.push_back(std::move(*part));
  const std::uint32_t first_attempt = collected.first_attempt;
  requests_.erase(found);
  return joined_parts{first_attempt, join(*layout_, parts)};
}

}  // namespace troupe
