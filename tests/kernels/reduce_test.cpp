// The Reduce family; reduce_mean_test.cpp has the mean. Bounds: the elements are rounded to binary16 (relative 2^-11,
// of random sign), the result is rounded, and a sum of squares or a product doubles the error of what enters it.
#include <limits>

#include "support/kernel_properties.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr const char* family[] = {"ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
                                  "ReduceMin", "ReduceProd", "ReduceSum",    "ReduceSumSquare"};

/// Over axis 1, whatever form the axes have in this opset.
kernel_case reduce_rows(const char* op, const tensor& data) {
  return {.op = op, .inputs = {data, list_of({1})}, .version = 18, .constants = {1}};
}

void check_rows(const char* op, const tensor& want) {
  check_kernel(reduce_rows(op, tensor_of<float>({2, 3}, {1, -2, 3, 4, 5, 6})), two_roundings);
  CHECK(compare(need(evaluate(reduce_rows(op, tensor_of<float>({2, 3}, {1, -2, 3, 4, 5, 6}))))[0], want,
                {1e-6, 1e-6}) == "");
}

}  // namespace

TEST_CASE("every reduction of a small tensor is what a hand computes", "[device]") {
  check_rows("ReduceL1", tensor_of<float>({2, 1}, {6, 15}));
  check_rows("ReduceL2", tensor_of<float>({2, 1}, {3.7416574f, 8.7749644f}));
  check_rows("ReduceLogSum", tensor_of<float>({2, 1}, {0.6931472f, 2.7080502f}));
  check_rows("ReduceLogSumExp", tensor_of<float>({2, 1}, {3.1328452f, 6.4076059f}));
  check_rows("ReduceMax", tensor_of<float>({2, 1}, {3, 6}));
  check_rows("ReduceMin", tensor_of<float>({2, 1}, {-2, 4}));
  check_rows("ReduceProd", tensor_of<float>({2, 1}, {-6, 120}));
  check_rows("ReduceSum", tensor_of<float>({2, 1}, {2, 15}));
  check_rows("ReduceSumSquare", tensor_of<float>({2, 1}, {14, 77}));
}

TEST_CASE("every reduction equals its definition at awkward lengths", "[device]") {
  for (const char* op : family)
    for (const std::int64_t length : {1, 63, 65, 5000}) {
      INFO(op << " of " << length);
      // A product doubles with each factor what its order rounds: short ones, of factors that binary16 holds exactly.
      const bool is_product = std::string(op) == "ReduceProd";
      if (is_product && length > 65) continue;
      const tensor factors =
          need(convert(need(convert(random_tensor({3, length}, 5, 0.97f, 1.03f), dtype::f16)), dtype::f32));
      check_kernel(reduce_rows(op, is_product ? factors : random_tensor({3, length}, 5, 0.5f, 1.5f)), {2e-3, 2e-3});
    }
}

TEST_CASE("every reduction joins the slices of a long row", "[device]") {
  for (const char* op : family) {
    INFO(op);
    tensor data = need(tensor::make(dtype::f32, {(1 << 20) + 77}));
    const auto values = data.as_mutable<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 1000 == 0 ? 1.0f / 64 : 0.0f;
    if (std::string(op) == "ReduceProd")
      std::fill(values.begin(), values.end(), 1.0f), values[7] = 0.5f, values.back() = 0.25f;
    check_kernel({.op = op, .inputs = {data}, .version = 13}, two_roundings);
  }
}

TEST_CASE("reductions keep NaN and infinity", "[device]") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const tensor data = tensor_of<float>({5, 2}, {nan, 1, 1, nan, infinity, 1, -infinity, 1, -infinity, -infinity});
  for (const char* op : family) {
    INFO(op);
    check_kernel(reduce_rows(op, data), two_roundings);
  }
  check_value(reduce_rows("ReduceLogSumExp", tensor_of<float>({1, 2}, {1000, 1000})),
              tensor_of<float>({1, 1}, {1000.693147180559945f}));
}

TEST_CASE("reductions of integers are exact") {
  constexpr std::int64_t large = (std::int64_t{1} << 62) + 1;
  const auto one = [](const char* op, const tensor& data) {
    return kernel_case{.op = op, .inputs = {data}, .version = 20};
  };
  check_value(one("ReduceSum", list_of({large, 1})), list_of({large + 1}));
  check_value(one("ReduceMax", list_of({large, large - 1})), list_of({large}));
  check_value(one("ReduceMin", list_of({large, large - 1})), list_of({large - 1}));
  check_value(one("ReduceProd", list_of({-3, 7})), list_of({-21}));
  check_value(one("ReduceL1", list_of({-3, 7})), list_of({10}));
  check_value(one("ReduceSumSquare", list_of({-3, 7})), list_of({58}));
  check_value(one("ReduceMean", list_of({-3, -4})), list_of({-3}));
  check_value(one("ReduceL2", list_of({3, 4})), list_of({5}));
  check_value(one("ReduceMax", tensor_of<std::uint8_t>({2}, {200, 100})), tensor_of<std::uint8_t>({1}, {200}));
  check_value(one("ReduceMax", tensor_of<bool>({2}, {false, true})), tensor_of<bool>({1}, {true}));
  check_value(one("ReduceMin", tensor_of<bool>({2}, {false, true})), tensor_of<bool>({1}, {false}));
}

TEST_CASE("reductions of nothing give what adds nothing", "[device]") {
  const auto over_nothing = [](const char* op) { return reduce_rows(op, need(tensor::make(dtype::f32, {2, 0}))); };
  check_value(over_nothing("ReduceSum"), tensor_of<float>({2, 1}, {0, 0}));
  check_value(over_nothing("ReduceProd"), tensor_of<float>({2, 1}, {1, 1}));
  check_value(over_nothing("ReduceMax"), tensor_of<float>({2, 1}, {-infinity, -infinity}));
  check_value(over_nothing("ReduceMin"), tensor_of<float>({2, 1}, {infinity, infinity}));
  check_kernel(over_nothing("ReduceL2"), exact);
}

TEST_CASE("ReduceSum takes its axes as an operand since opset 13") {
  const tensor data = tensor_of<float>({1, 2}, {1, 2});
  check_value({.op = "ReduceSum", .inputs = {data, list_of({1})}, .version = 13}, tensor_of<float>({1, 1}, {3}));
  check_value(
      {.op = "ReduceSum", .inputs = {data}, .attributes = {{"axes", std::vector<std::int64_t>{1}}}, .version = 11},
      tensor_of<float>({1, 1}, {3}));
  check_value({.op = "ReduceSum",
               .inputs = {data, list_of({})},
               .attributes = {{"noop_with_empty_axes", std::int64_t{1}}},
               .version = 13},
              data);
  CHECK(refusal({.op = "ReduceMax", .inputs = {data, list_of({1})}, .version = 13}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "ReduceSum", .inputs = {tensor_of<bool>({1}, {true})}}).code() == errc::invalid_argument);
}

TEST_CASE("a row has the same bits alone and among others in every reduction", "[device]") {
  for (const char* op : family) {
    kernel_case given = reduce_rows(op, random_tensor({3, 4500}, 8, 0.9f, 1.1f));
    check_batch_invariance(given);
  }
}
