// One operator on given operands: run by its reference definition and on Vulkan in both storage types, and compared.
#pragma once

#include <fmt/format.h>

#include <cmath>

#include "support/check.hpp"
#include "troupe/engine/device.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe::test {

/// |got - want| <= absolute_scale * max|want| + relative * |want|, element by element. State in each test why the
/// bound is what it is (rounding of the operands, length of the reduction, rounding of the result).
struct bound {
  double absolute_scale;
  double relative;
};

/// Two roundings to binary16: an operand's and the result's.
inline constexpr bound two_roundings{1e-3, 1e-3};
/// For data that only moves: the bits that went in come out.
inline constexpr bound exact{0, 0};

struct kernel_case {
  std::string op;
  std::vector<tensor> inputs;  ///< an empty one (no storage) is an omitted optional operand
  std::map<std::string, attribute, std::less<>> attributes;
  int version = 13;
  std::size_t outputs = 1;
  /// Operands that are constants of the graph instead of its inputs (weights, shapes).
  std::vector<std::size_t> constants;
  std::string domain = {};  ///< "troupe" for its own operators
};

inline graph graph_of(const kernel_case& given) {
  graph made;
  node step{.op = given.op,
            .domain = given.domain,
            .name = "under_test",
            .version = given.version,
            .attributes = given.attributes};
  for (std::size_t i = 0; i < given.inputs.size(); ++i) {
    const tensor& operand = given.inputs[i];
    if (!operand.storage()) {
      step.inputs.push_back(no_value);
      continue;
    }
    const bool constant = std::find(given.constants.begin(), given.constants.end(), i) != given.constants.end();
    if (constant) {
      step.inputs.push_back(made.add_constant(fmt::format("constant_{}", i), operand));
    } else {
      value_info info{fmt::format("input_{}", i), operand.type(), true, std::nullopt};
      const value_id id = made.add_value(std::move(info));
      made.inputs.push_back(id);
      step.inputs.push_back(id);
    }
  }
  for (std::size_t i = 0; i < given.outputs; ++i) {
    const value_id id = made.add_value({fmt::format("output_{}", i), dtype::f32, false, std::nullopt});
    step.outputs.push_back(id);
    made.outputs.push_back(id);
  }
  made.nodes.push_back(std::move(step));
  return made;
}

inline std::shared_ptr<const operator_table> operators() {
  return std::make_shared<const operator_table>(builtin_operators());
}

inline std::vector<tensor> run_on(const std::string& device_name, const kernel_case& given, dtype storage) {
  const auto opened = need(open_device(device_name, operators()));
  const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
  std::vector<tensor> inputs;
  for (std::size_t i = 0; i < given.inputs.size(); ++i)
    if (given.inputs[i].storage() &&
        std::find(given.constants.begin(), given.constants.end(), i) == given.constants.end())
      inputs.push_back(given.inputs[i]);
  return need(loaded->run(inputs, steady_clock::now() + std::chrono::seconds(60)));
}

/// Largest violation of `allowed`, as text; empty when there is none.
inline std::string compare(const tensor& got, const tensor& want, bound allowed) {
  if (got.type() != want.type() || got.dims() != want.dims())
    return fmt::format("got {}, want {}", got.describe(), want.describe());
  const tensor got_wide = need(convert(got, dtype::f64));
  const tensor want_wide = need(convert(want, dtype::f64));
  const auto x = got_wide.as<double>();
  const auto y = want_wide.as<double>();
  double scale = 0;
  for (const double value : y)
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool same_special = (std::isnan(x[i]) && std::isnan(y[i])) || x[i] == y[i];
    if (same_special) continue;
    const double limit = allowed.absolute_scale * scale + allowed.relative * std::abs(y[i]);
    if (!(std::abs(x[i] - y[i]) <= limit))
      return fmt::format("element {} is {}, want {} within {} (scale {})", i, x[i], y[i], limit, scale);
  }
  return {};
}

/// Runs `given` on the reference device and on Vulkan with fp16 and fp32 storage. fp32 storage must agree to 1e-5 of
/// scale (a sum in another order), or exactly when `fp16` is `exact`.
inline void check_kernel(const kernel_case& given, bound fp16) {
  const auto want = run_on("reference", given, dtype::f32);
  const bool moves_only = fp16.absolute_scale == 0 && fp16.relative == 0;
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto got = run_on("", given, storage);
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(given.op << ", output " << i << ", storage " << to_string(storage));
      const bound allowed = storage == dtype::f16 ? fp16 : (moves_only ? exact : bound{1e-5, 1e-5});
      // With fp16 storage a moved float is the binary16 nearest to it.
      const bool rounded = moves_only && storage == dtype::f16 && want[i].type() == dtype::f32;
      const tensor expected =
          rounded ? need(convert(need(convert_to_storage(want[i], dtype::f16)), dtype::f32)) : want[i];
      CHECK(compare(got[i], expected, allowed) == "");
    }
  }
}

}  // namespace troupe::test
