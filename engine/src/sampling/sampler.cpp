#include <algorithm>
#include <cmath>
#include <limits>

#include "sampling/philox.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/sampling.hpp"

namespace troupe {
namespace {

constexpr double impossible = -std::numeric_limits<double>::infinity();

struct candidate {
  double logit = 0;
  token_id token = -1;

  /// A total order: the larger logit first, then the lower id.
  friend bool operator<(const candidate& a, const candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  }
};

result<void> check(bool good, std::string_view option, double value, std::string_view range) {
  if (good) return {};
  return fail(errc::invalid_argument, "{} is {}; it has to be {}", option, value, range);
}

/// Logits with bias and penalties.
result<std::vector<double>> adjusted(std::span<const float> logits, std::span<const token_id> history,
                                     const sampling_options& options) {
  std::vector<double> made(logits.begin(), logits.end());
  const auto exists = [&](token_id token) { return token >= 0 && static_cast<std::size_t>(token) < made.size(); };
  for (std::size_t i = 0; i < made.size(); ++i)
    if (std::isnan(made[i]) || (std::isinf(made[i]) && made[i] > 0))
      return fail(errc::invalid_argument, "the logit of token {} is {}; the model's weights or inputs are damaged", i,
                  made[i]);
  for (const auto& [token, bias] : options.bias) {
    if (!exists(token))
      return fail(errc::invalid_argument, "the bias is for token {}, but there are {} tokens", token, made.size());
    made[static_cast<std::size_t>(token)] += bias;
  }
  if (options.repetition_penalty == 1 && options.frequency_penalty == 0 && options.presence_penalty == 0) return made;

  const std::size_t window = std::min<std::size_t>(options.penalty_window, history.size());
  std::vector<token_id> recent(history.end() - static_cast<std::ptrdiff_t>(window), history.end());
  std::sort(recent.begin(), recent.end());
  for (auto at = recent.begin(); at != recent.end();) {
    const auto next = std::upper_bound(at, recent.end(), *at);
    if (!exists(*at))
      return fail(errc::invalid_argument, "the history has token {}, but there are {} tokens", *at, made.size());
    double& logit = made[static_cast<std::size_t>(*at)];
    logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    logit -= static_cast<double>(next - at) * options.frequency_penalty + options.presence_penalty;
    at = next;
  }
  return made;
}

/// The fewest of the first that have the probability `p` among all. They come first, in order; the rest is cut off.
void keep_top_p(std::vector<candidate>& from, std::size_t sorted, double p, double largest) {
  double total = 0;  // in the order of ids, or of rank: one that does not depend on how the library sorts
  for (const candidate& one : from) total += std::exp(one.logit - largest);
  double sum = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i == sorted) {
      // A few of a large vocabulary are nearly always enough: sort as many as are needed.
      sorted = std::min(from.size(), std::max<std::size_t>(64, 4 * sorted));
      std::partial_sort(from.begin() + static_cast<std::ptrdiff_t>(i),
                        from.begin() + static_cast<std::ptrdiff_t>(sorted), from.end());
    }
    sum += std::exp(from[i].logit - largest);
    if (sum >= p * total) {
      from.resize(i + 1);
      return;
    }
  }
}

result<token_id> draw(const std::vector<double>& logits, const sampling_options& options, std::uint64_t position) {
  std::vector<candidate> from;
  from.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > impossible) from.push_back({logits[i], static_cast<token_id>(i)});
  if (from.empty()) return fail(errc::invalid_argument, "every token is forbidden; allow at least one");

  std::size_t sorted = 0;
  if (options.top_k > 0 && options.top_k < from.size()) {
    sorted = options.top_k;
    std::partial_sort(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(sorted), from.end());
    from.resize(sorted);
  }
  const double largest = std::min_element(from.begin(), from.end())->logit;
  if (options.top_p < 1) keep_top_p(from, sorted, options.top_p, largest);
  if (options.min_p > 0) {
    const double least = largest + std::log(options.min_p);
    std::erase_if(from, [&](const candidate& one) { return one.logit < least && one.logit < largest; });
  }
  double total = 0;
  std::vector<double> weights;
  weights.reserve(from.size());
  for (const candidate& one : from) {
    weights.push_back(one.logit == largest ? 1 : std::exp((one.logit - largest) / options.temperature));
    total += weights.back();
  }
  const double target = philox_uniform(options.seed, position) * total;
  double sum = 0;
  std::size_t last = 0;  // what the rounding of the sum could leave over goes to the last that is possible
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = i;
    sum += weights[i];
    if (target < sum) break;
  }
  return from[last].token;
}

void add_log_probabilities(std::span<const float> logits, std::uint32_t top, sampled_token& to) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(logit - largest);
  const double rest = std::log(total);
  to.log_probability = logits[static_cast<std::size_t>(to.token)] - largest - rest;
  if (top == 0) return;
  std::vector<candidate> all;
  all.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) all.push_back({logits[i], static_cast<token_id>(i)});
  const std::size_t count = std::min<std::size_t>(top, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  for (std::size_t i = 0; i < count; ++i) to.top.push_back({all[i].token, all[i].logit - largest - rest});
}

}  // namespace

result<sampler> sampler::make(sampling_options options) {
  // Far beyond any logit, and far from where sums and quotients of them stop being numbers.
  constexpr double most = 1e9;
  const double t = options.temperature, p = options.top_p, m = options.min_p, r = options.repetition_penalty;
  TROUPE_CHECK(check(t >= 0 && t <= most, "the temperature", t, "from 0 to 1e9"));
  TROUPE_CHECK(check(p > 0 && p <= 1, "top-p", p, "above 0 and at most 1"));
  TROUPE_CHECK(check(m >= 0 && m <= 1, "min-p", m, "from 0 to 1"));
  TROUPE_CHECK(check(r >= 1 / most && r <= most, "the repetition penalty", r, "from 1e-9 to 1e9"));
  for (const double penalty : {options.frequency_penalty, options.presence_penalty})
    TROUPE_CHECK(check(std::abs(penalty) <= most, "a penalty", penalty, "from -1e9 to 1e9"));
  for (const auto& [token, bias] : options.bias)
    TROUPE_CHECK(check(std::abs(bias) <= most || bias == impossible, "a bias", bias, "from -1e9 to 1e9, or -inf"));
  std::sort(options.bias.begin(), options.bias.end());
  const auto twice = std::adjacent_find(options.bias.begin(), options.bias.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != options.bias.end())
    return fail(errc::invalid_argument, "token {} has two biases; give one", twice->first);
  return sampler(std::move(options));
}

result<sampled_token> sampler::choose(std::span<const float> logits, std::span<const token_id> history,
                                      std::uint64_t position) const {
  if (logits.empty() || logits.size() > limits::vocabulary_max)
    return fail(errc::invalid_argument, "there are {} logits; from 1 to {} are possible", logits.size(),
                limits::vocabulary_max);
  TROUPE_TRY(const std::vector<double> values, adjusted(logits, history, options_));
  sampled_token made;
  if (options_.temperature > 0) {
    TROUPE_TRY(made.token, draw(values, options_, position));
  } else {
    const auto best = std::max_element(values.begin(), values.end());
    if (*best == impossible) return fail(errc::invalid_argument, "every token is forbidden; allow at least one");
    made.token = static_cast<token_id>(best - values.begin());
  }
  if (options_.log_probabilities || options_.top_log_probabilities > 0)
    add_log_probabilities(logits, options_.top_log_probabilities, made);
  return made;
}

}  // namespace troupe
