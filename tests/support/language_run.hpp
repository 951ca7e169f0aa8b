// A language model on a device, driven by hand: chunks of tokens in, rows of logits out.
#pragma once

#include <cmath>
#include <numeric>

#include "support/check.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/language_model.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe::test {

/// Rows of the first result, one vector each.
inline std::vector<std::vector<float>> rows_of(const tensor& data) {
  std::vector<std::vector<float>> rows;
  const auto values = data.as<float>();
  const auto width = static_cast<std::size_t>(data.dims()[1]);
  for (std::size_t at = 0; at + width <= values.size(); at += width)
    rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(at),
                      values.begin() + static_cast<std::ptrdiff_t>(at + width));
  return rows;
}

inline std::int32_t arg_max(const std::vector<float>& row) {
  return static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

/// Session s has the pages after those of session s - 1, in order.
class language_run {
public:
  /// With `optimized`, the passes run first.
  language_run(const language_model& model, std::string_view device_name, dtype storage = dtype::f16,
               bool optimized = true)
      : sessions_(model.sessions), pages_per_session_(model.pages_per_session) {
    const auto operators = std::make_shared<const operator_table>(builtin_operators());
    graph network = model.graph;
    need(check_operators(network, *operators));
    if (optimized) need(optimize(network, *operators));
    device_ = need(open_device(device_name, operators));
    program_options options;
    options.storage = storage;
    program_ = need(device_->load(std::make_shared<const graph>(std::move(network)), options));
    positions_.resize(static_cast<std::size_t>(sessions_));
  }

  /// Tokens of one session, which go on from where it is. Logits of all of them, or of the last one.
  std::vector<std::vector<float>> add(const std::vector<std::int32_t>& tokens, std::size_t session = 0,
                                      bool all_rows = false) {
    std::vector<std::int32_t> wanted(all_rows ? tokens.size() : 1, static_cast<std::int32_t>(tokens.size()) - 1);
    if (all_rows) std::iota(wanted.begin(), wanted.end(), 0);
    std::vector<std::int32_t> positions(tokens.size());
    std::iota(positions.begin(), positions.end(), positions_[session]);
    positions_[session] += static_cast<std::int32_t>(tokens.size());
    return rows_of(
        step(tokens, positions, std::vector(tokens.size(), static_cast<std::int32_t>(session)), wanted).front());
  }

  /// One run with these rows.
  std::vector<tensor> step(const std::vector<std::int32_t>& tokens, const std::vector<std::int32_t>& positions,
                           const std::vector<std::int32_t>& sequences, const std::vector<std::int32_t>& wanted) {
    std::vector<std::int32_t> pages(static_cast<std::size_t>(sessions_ * pages_per_session_));
    std::iota(pages.begin(), pages.end(), 1);
    const std::vector<tensor> inputs{numbers(tokens), numbers(positions), numbers(sequences),
                                     need(numbers(pages).reshaped({sessions_, pages_per_session_})), numbers(wanted)};
    return need(program_->run(inputs, steady_clock::now() + std::chrono::minutes(5)));
  }

  program_stats stats() const { return program_->stats(); }

private:
  static tensor numbers(const std::vector<std::int32_t>& values) {
    return need(tensor::from<std::int32_t>({static_cast<std::int64_t>(values.size())}, values));
  }

  std::int64_t sessions_, pages_per_session_;
  std::shared_ptr<device> device_;
  std::unique_ptr<program> program_;
  std::vector<std::int32_t> positions_;
};

/// Differences of rows in units of the expected rows' standard deviation.
struct logit_error {
  double squares = 0, most = 0;
  std::size_t count = 0;

  void add(const std::vector<float>& made, const std::vector<float>& expected) {
    double mean = 0, deviation = 0;
    for (const float value : expected) mean += static_cast<double>(value);
    mean /= static_cast<double>(expected.size());
    for (const float value : expected) deviation += std::pow(static_cast<double>(value) - mean, 2);
    deviation = std::sqrt(deviation / static_cast<double>(expected.size()));
    REQUIRE(made.size() == expected.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      const double off = std::abs(static_cast<double>(made[i]) - static_cast<double>(expected[i])) / deviation;
      squares += off * off;
      most = std::isnan(off) ? off : std::max(most, off);
      ++count;
    }
  }
  double rms() const { return std::sqrt(squares / static_cast<double>(std::max<std::size_t>(count, 1))); }
};

}  // namespace troupe::test
