#include "troupe/engine/sampling.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "sampling/philox.hpp"
#include "support/check.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

token_id choose(const sampling_options& options, const std::vector<float>& logits,
                const std::vector<token_id>& history = {}, std::uint64_t position = 0) {
  return need(need(sampler::make(options)).choose(logits, history, position)).token;
}

/// How often each token is drawn at positions 0, 1, ...
std::map<token_id, double> shares(const sampling_options& options, const std::vector<float>& logits,
                                  int draws = 20000) {
  const sampler from = need(sampler::make(options));
  std::map<token_id, double> made;
  for (int i = 0; i < draws; ++i)
    made[need(from.choose(logits, {}, static_cast<std::uint64_t>(i))).token] += 1.0 / draws;
  return made;
}

std::string refusal(const sampling_options& options) {
  const auto made = sampler::make(options);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == errc::invalid_argument);
  return made.error().message();
}

std::string refusal(const sampling_options& options, const std::vector<float>& logits,
                    const std::vector<token_id>& history = {}) {
  const auto made = need(sampler::make(options)).choose(logits, history, 0);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == errc::invalid_argument);
  return made.error().message();
}

}  // namespace

TEST_CASE("Philox gives the numbers of its authors' known-answer tests", "[sampling]") {
  using words = std::array<std::uint32_t, 4>;
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  double sum = 0;
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const double x = philox_uniform(7, i);
    REQUIRE((x >= 0 && x < 1));
    sum += x;
  }
  CHECK(sum / 100000 == Approx(0.5).margin(0.004));  // the deviation of this mean is 0.0009
}

TEST_CASE("without a temperature the largest logit is taken, and the lower id of equal ones", "[sampling]") {
  CHECK(choose({}, {1, 3, 2}) == 1);
  CHECK(choose({}, {3, 1, 3}) == 0);
  CHECK(choose({}, {-5}) == 0);
  CHECK(choose({}, {minus_infinity, -1000, minus_infinity}) == 1);
  for (const std::uint64_t position : {0, 1, 2, 1000}) CHECK(choose({.seed = position}, {0, 1}, {}, position) == 1);
}

TEST_CASE("a draw follows the softmax of the logits over the temperature", "[sampling]") {
  const std::vector<float> logits{0, std::log(2.0f), std::log(5.0f), minus_infinity};
  // The deviation of a share of 20,000 draws is at most 0.0036.
  auto plain = shares({.temperature = 1, .seed = 1}, logits);
  CHECK(plain[0] == Approx(1.0 / 8).margin(0.015));
  CHECK(plain[1] == Approx(2.0 / 8).margin(0.015));
  CHECK(plain[2] == Approx(5.0 / 8).margin(0.015));
  CHECK(plain.count(3) == 0);
  auto cold = shares({.temperature = 0.5, .seed = 1}, logits);
  CHECK(cold[0] == Approx(1.0 / 30).margin(0.015));
  CHECK(cold[2] == Approx(25.0 / 30).margin(0.015));
  CHECK(shares({.temperature = 1e-9}, logits, 100).size() == 1);
  auto hot = shares({.temperature = 1e9}, logits);
  CHECK(hot[0] == Approx(1.0 / 3).margin(0.015));
}

TEST_CASE("the seed and the position decide, and nothing else", "[sampling]") {
  const std::vector<float> logits(1000, 0.5f);
  const sampling_options options{.temperature = 1, .seed = 42};
  const token_id first = choose(options, logits, {}, 7);
  CHECK(choose(options, logits, {1, 2, 3}, 7) == first);
  const sampler one = need(sampler::make(options));
  for (std::uint64_t i = 0; i < 20; ++i) need(one.choose(logits, {}, i));
  CHECK(need(one.choose(logits, {}, 7)).token == first);
  std::map<token_id, int> seen;
  for (std::uint64_t i = 0; i < 100; ++i) ++seen[choose(options, logits, {}, i)];
  CHECK(seen.size() > 80);  // of 1,000 equal ones, 100 draws hit about 95
  CHECK(choose({.temperature = 1, .seed = 43}, logits, {}, 7) != first);
  // Written down so that a change of the generator or of the order of sums is seen: sessions could not be repeated.
  CHECK(first == static_cast<token_id>(philox_uniform(42, 7) * 1000));
}

TEST_CASE("top-k, top-p and min-p keep the largest", "[sampling]") {
  const std::vector<float> logits{std::log(1.0f), std::log(4.0f), std::log(2.0f), std::log(3.0f)};
  const auto kept = [&](sampling_options options) {
    options.temperature = 1;
    std::vector<token_id> tokens;
    for (const auto& [token, share] : shares(options, logits, 3000)) tokens.push_back(token);
    return tokens;
  };
  CHECK(kept({}) == std::vector<token_id>{0, 1, 2, 3});
  CHECK(kept({.top_k = 1}) == std::vector<token_id>{1});
  CHECK(kept({.top_k = 3}) == std::vector<token_id>{1, 2, 3});
  CHECK(kept({.top_k = 100}) == std::vector<token_id>{0, 1, 2, 3});
  CHECK(kept({.top_p = 0.39}) == std::vector<token_id>{1});
  CHECK(kept({.top_p = 0.41}) == std::vector<token_id>{1, 3});
  CHECK(kept({.top_p = 0.71}) == std::vector<token_id>{1, 2, 3});
  CHECK(kept({.top_p = 1e-300}) == std::vector<token_id>{1});
  CHECK(kept({.min_p = 0.6}) == std::vector<token_id>{1, 3});
  CHECK(kept({.min_p = 1}) == std::vector<token_id>{1});
  // Within the three largest, whose probabilities then are 4/9, 3/9 and 2/9.
  CHECK(kept({.top_k = 3, .top_p = 0.76}) == std::vector<token_id>{1, 3});
  CHECK(kept({.top_k = 3, .top_p = 0.78}) == std::vector<token_id>{1, 2, 3});
}

TEST_CASE("top-p of a large vocabulary is the same as by sorting all of it", "[sampling]") {
  random_source random(11);
  std::vector<float> logits(5000);
  for (float& logit : logits) logit = random.uniform(-4, 4);
  for (const double p : {0.05, 0.5, 0.95, 0.9999}) {
    std::vector<std::pair<double, token_id>> sorted;
    double total = 0, sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      sorted.emplace_back(-logits[i], static_cast<token_id>(i));
      total += std::exp(static_cast<double>(logits[i]));
    }
    std::sort(sorted.begin(), sorted.end());
    std::map<token_id, bool> allowed;
    for (std::size_t i = 0; i < sorted.size() && sum < p * total; ++i) {
      allowed[sorted[i].second] = true;
      sum += std::exp(-sorted[i].first);
    }
    for (std::uint64_t i = 0; i < 300; ++i)
      CHECK(allowed.count(choose({.temperature = 2, .top_p = p, .seed = 3}, logits, {}, i)) == 1);
  }
}

TEST_CASE("penalties look at the last tokens", "[sampling]") {
  const std::vector<float> logits{2, 1.5f, -1, -1.2f};
  CHECK(choose({.repetition_penalty = 1.2}, logits, {0}) == 0);
  CHECK(choose({.repetition_penalty = 1.5}, logits, {0}) == 1);
  CHECK(choose({.repetition_penalty = 1.5, .penalty_window = 1}, logits, {0, 2}) == 0);
  CHECK(choose({.repetition_penalty = 1.5, .penalty_window = 0}, logits, {0}) == 0);
  // Once, however often it is there; negative logits become smaller too.
  CHECK(choose({.repetition_penalty = 1.2}, logits, {0, 0, 0, 0}) == 0);
  CHECK(choose({.repetition_penalty = 1.3}, {-1, -1.2f}, {0}) == 1);
  CHECK(choose({.frequency_penalty = 0.2}, logits, {0, 0}) == 0);
  CHECK(choose({.frequency_penalty = 0.2}, logits, {0, 0, 0}) == 1);
  CHECK(choose({.presence_penalty = 0.4}, logits, {0, 0, 0}) == 0);
  CHECK(choose({.presence_penalty = 0.6}, logits, {0}) == 1);
}

TEST_CASE("a bias lifts a token or forbids it", "[sampling]") {
  CHECK(choose({.bias = {{2, 1.5}}}, {2, 1, 1}) == 2);
  CHECK(choose({.bias = {{0, minus_infinity}}}, {2, 1, 1}) == 1);
  for (std::uint64_t i = 0; i < 100; ++i)
    CHECK(choose({.temperature = 5, .bias = {{0, minus_infinity}}}, {2, 1, 1}, {}, i) != 0);
}

TEST_CASE("log-probabilities are those of the model, whatever is chosen", "[sampling]") {
  const std::vector<float> logits{0, std::log(2.0f), std::log(5.0f), minus_infinity};
  const sampler one = need(sampler::make({.bias = {{2, minus_infinity}}, .top_log_probabilities = 2}));
  const sampled_token made = need(one.choose(logits, {}, 0));
  CHECK(made.token == 1);
  CHECK(made.log_probability.value() == Approx(std::log(2.0 / 8)));
  REQUIRE(made.top.size() == 2);
  CHECK(made.top[0].token == 2);
  CHECK(made.top[0].log_probability == Approx(std::log(5.0 / 8)));
  CHECK(made.top[1].token == 1);
  CHECK_FALSE(need(need(sampler::make({})).choose(logits, {}, 0)).log_probability.has_value());
  CHECK(need(need(sampler::make({.top_log_probabilities = 100})).choose(logits, {}, 0)).top.size() == 4);
  // Large logits do not overflow.
  const sampled_token large =
      need(need(sampler::make({.log_probabilities = true})).choose(std::vector<float>{3e38f, 3e38f}, {}, 0));
  CHECK(large.log_probability.value() == Approx(std::log(0.5)));
}

TEST_CASE("what cannot be sampled is refused with the value that is wrong", "[sampling]") {
  CHECK(refusal({.temperature = -1}).find("-1") != std::string::npos);
  CHECK(refusal({.temperature = std::nan("")}).find("temperature") != std::string::npos);
  CHECK(refusal({.top_p = 0}).find("top-p") != std::string::npos);
  CHECK(refusal({.top_p = 1.5}).find("1.5") != std::string::npos);
  CHECK(refusal({.min_p = 2}).find("min-p") != std::string::npos);
  CHECK(refusal({.repetition_penalty = 0}).find("repetition") != std::string::npos);
  CHECK(refusal({.frequency_penalty = HUGE_VAL}).find("penalty") != std::string::npos);
  CHECK(refusal({.bias = {{1, HUGE_VAL}}}).find("bias") != std::string::npos);
  CHECK(refusal({.bias = {{1, 0.5}, {0, 1}, {1, 2}}}).find("token 1") != std::string::npos);

  CHECK(refusal({}, {}).find("0 logits") != std::string::npos);
  CHECK(refusal({}, {0, std::nanf("")}).find("token 1") != std::string::npos);
  CHECK(refusal({}, {0, -minus_infinity}).find("token 1") != std::string::npos);
  CHECK(refusal({}, {minus_infinity}).find("forbidden") != std::string::npos);
  CHECK(refusal({.temperature = 1}, {minus_infinity}).find("forbidden") != std::string::npos);
  CHECK(refusal({.bias = {{2, 1}}}, {0, 1}).find("token 2") != std::string::npos);
  CHECK(refusal({.presence_penalty = 1}, {0, 1}, {-1}).find("token -1") != std::string::npos);
  CHECK(refusal({.presence_penalty = 1}, {0, 1}, {2}).find("token 2") != std::string::npos);
}
