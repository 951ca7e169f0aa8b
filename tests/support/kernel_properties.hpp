// Properties that every arithmetic kernel is checked for, beside its values: independence of batch neighbours, and
// refusal of what the model's author got wrong.
#pragma once

#include <cstring>

#include "support/kernel_case.hpp"

namespace troupe::test {

/// A sum of products: both factors are rounded to binary16 (half of 2^-11 relative). The errors have random signs and
/// so grow with the square root of the length, as a sum of random terms itself does; then the result is rounded, too.
inline constexpr bound rounded_products{1.5e-3, 1e-3};

inline tensor tensor_of(const shape& dims, const std::vector<float>& elements) {
  return need(tensor::from(dims, std::span<const float>(elements)));
}

/// What specialisation says about `given`; empty when it accepts it.
inline std::string refusal_of(const kernel_case& given) {
  std::vector<tensor> inputs;
  for (std::size_t i = 0; i < given.inputs.size(); ++i)
    if (given.inputs[i].storage() &&
        std::find(given.constants.begin(), given.constants.end(), i) == given.constants.end())
      inputs.push_back(given.inputs[i]);
  const auto outcome = specialize(graph_of(given), *operators(), inputs);
  return outcome ? std::string() : outcome.error().to_string();
}

/// True when `given` is refused with a text that holds `fragment`.
inline bool refused(const kernel_case& given, const std::string& fragment) {
  const std::string text = refusal_of(given);
  INFO(text);
  CHECK(text.find(fragment) != std::string::npos);
  return text.find(fragment) != std::string::npos;
}

/// The reference's first output is exactly `expected`, which somebody computed by hand.
inline void check_reference(const kernel_case& given, const tensor& expected) {
  const auto got = run_on("reference", given, dtype::f32);
  CHECK(compare(got.at(0), expected, {1e-6, 1e-6}) == "");
}

/// Every row along axis 0 of operand 0 gives the same bits alone as among the others.
inline void check_batch_invariance(const kernel_case& given) {
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto all = run_on("", given, storage);
    for (std::int64_t row = 0; row < given.inputs[0].dims()[0]; ++row) {
      kernel_case alone = given;
      alone.inputs[0] = need(given.inputs[0].rows(row, 1));
      const auto got = run_on("", alone, storage);
      INFO(given.op << ", row " << row << ", storage " << to_string(storage));
      CHECK(bitwise_equal(got.at(0), need(all.at(0).rows(row, 1))));
    }
  }
}

}  // namespace troupe::test
