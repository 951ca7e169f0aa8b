// Bounds: one rounding of the operand (relative 2^-11, amplified by at most the function's slope times |x| / |y|) and
// one of the result.
#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

float apply_to(const kernel_case& function, float x) {
  kernel_case given = function;
  given.inputs = {scalar_of(x)};
  return need(evaluate(given))[0].as<float>()[0];
}

/// With a version in which each of them exists.
kernel_case function(const char* op) {
  return {.op = op, .version = 24};
}

}  // namespace

TEST_CASE("unary functions equal their definitions for awkward sizes", "[device]") {
  for (const char* op : {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Neg", "Abs", "Erf", "HardSigmoid", "HardSwish", "Elu",
                         "Selu", "Softplus", "Gelu", "Mish", "Swish"}) {
    kernel_case given = function(op);
    given.inputs = {random_tensor({1000}, 7, -6, 6)};
    check_kernel(given, two_roundings);
  }
  for (const std::int64_t size : {1, 63, 64, 65})
    check_kernel({.op = "Relu", .inputs = {random_tensor({size}, 7, -6, 6)}}, two_roundings);
}

TEST_CASE("Sqrt, Exp, Log and Reciprocal equal their definitions", "[device]") {
  // The relative error of exp is the absolute one of its operand: 3 * 2^-11.
  check_kernel({.op = "Exp", .inputs = {random_tensor({13, 17}, 8, -5, 3)}}, {2e-3, 2e-3});
  check_kernel({.op = "Sqrt", .inputs = {random_tensor({13, 17}, 8, 0.01f, 100)}}, two_roundings);
  check_kernel({.op = "Log", .inputs = {random_tensor({13, 17}, 8, 0.01f, 100)}}, two_roundings);
  check_kernel({.op = "Reciprocal", .inputs = {random_tensor({13, 17}, 8, 0.5f, 100)}}, two_roundings);
}

TEST_CASE("trigonometric and hyperbolic functions equal their definitions", "[device]") {
  const auto check = [](std::initializer_list<const char*> functions, float low, float high, bound allowed) {
    for (const char* op : functions) {
      INFO(op);
      kernel_case given = function(op);
      given.inputs = {random_tensor({1003}, 21, low, high)};
      // Operands that binary16 holds exactly: an error of theirs would be a slope times 2^-11.
      given.inputs[0] = need(convert(need(convert(given.inputs[0], dtype::f16)), dtype::f32));
      check_kernel(given, allowed);
    }
  };
  check({"Sin", "Cos"}, -4, 4, two_roundings);
  check({"Sin", "Cos"}, -65000, 65000, two_roundings);
  check({"Tan"}, -1.5f, 1.5f, two_roundings);
  check({"Sinh", "Cosh", "Asinh", "Atan"}, -10, 10, two_roundings);
  check({"Sinh", "Asinh", "Atan", "Atanh", "Asin", "Acos"}, -0.2f, 0.2f, two_roundings);
  check({"Asin", "Acos", "Atanh"}, -1, 1, two_roundings);
  check({"Acosh"}, 1, 100, two_roundings);
  check({"Asinh", "Atan"}, -60000, 60000, two_roundings);
}

TEST_CASE("rounding functions and those with a threshold equal their definitions", "[device]") {
  const tensor input = random_halves({1003}, 22);
  const tensor ties = tensor_of<float>({10}, {-2.5f, -1.5f, -0.5f, -0.25f, 0, 0.5f, 1.5f, 2.5f, 0.75f, 65504});
  for (const char* op : {"Ceil", "Floor", "Round", "Sign", "ThresholdedRelu", "Shrink", "Softsign", "Celu"})
    for (const tensor& operand : {input, ties}) {
      kernel_case given = function(op);
      given.inputs = {operand};
      check_kernel(given, two_roundings);
    }
}

TEST_CASE("unary functions saturate without NaN", "[device]") {
  const tensor input = tensor_of<float>({9}, {-60000, -100, -20, -0.0f, 0, 1e-4f, 20, 100, 60000});
  for (const char* op :
       {"Sigmoid", "Tanh", "Erf", "HardSigmoid", "Elu", "Softplus", "Gelu", "HardSwish", "Mish", "Swish"}) {
    kernel_case given = function(op);
    given.inputs = {input};
    check_kernel(given, two_roundings);
    for (const tensor& output : run_on("", given, dtype::f32))
      for (const float value : output.as<float>()) CHECK(!std::isnan(value));
  }
}

TEST_CASE("unary functions keep NaN and infinity as IEEE arithmetic does", "[device]") {
  const tensor input = tensor_of<float>({5}, {not_a_number, infinity, -infinity, 0, -1});
  for (const char* op :
       {"Relu",   "LeakyRelu",  "Sigmoid", "Tanh",        "Sqrt",  "Exp",   "Log",      "Neg",
        "Abs",    "Reciprocal", "Erf",     "HardSigmoid", "Elu",   "Selu",  "Softplus", "Ceil",
        "Floor",  "Round",      "Sign",    "Sin",         "Cos",   "Tan",   "Sinh",     "Cosh",
        "Asin",   "Acos",       "Atan",    "Asinh",       "Acosh", "Atanh", "Celu",     "ThresholdedRelu",
        "Shrink", "Softsign"}) {
    kernel_case given = function(op);
    given.inputs = {input};
    check_kernel(given, two_roundings);
  }
  check_kernel({.op = "Clip", .inputs = {input, scalar_of(-0.5f), scalar_of(2.0f)}}, two_roundings);
}

TEST_CASE("unary functions have the values that tables give") {
  CHECK(apply_to(function("Relu"), -2) == 0);
  CHECK(apply_to(function("LeakyRelu"), -2) == -0.02f);
  CHECK(apply_to({.op = "LeakyRelu", .attributes = {{"alpha", 0.25f}}}, -2) == -0.5f);
  CHECK(apply_to(function("Sigmoid"), 1) == Approx(0.7310585786));
  CHECK(apply_to(function("Tanh"), 0.5f) == Approx(0.4621171573));
  CHECK(apply_to(function("Sqrt"), 2.25f) == 1.5f);
  CHECK(apply_to(function("Exp"), 1) == Approx(2.718281828));
  CHECK(apply_to(function("Log"), 10) == Approx(2.302585093));
  CHECK(apply_to(function("Neg"), 3) == -3);
  CHECK(apply_to(function("Abs"), -3) == 3);
  CHECK(apply_to(function("Reciprocal"), -4) == -0.25f);
  CHECK(apply_to(function("Erf"), 0.5f) == Approx(0.5204998778));
  CHECK(apply_to(function("HardSigmoid"), 1) == Approx(0.7));
  CHECK(apply_to({.op = "HardSigmoid", .attributes = {{"alpha", 0.5f}, {"beta", 0.25f}}}, 1) == 0.75f);
  CHECK(apply_to(function("HardSwish"), 1) == Approx(2.0 / 3.0));
  CHECK(apply_to(function("HardSwish"), -3) == 0);
  CHECK(apply_to(function("Elu"), -1) == Approx(-0.6321205588));
  CHECK(apply_to({.op = "Elu", .attributes = {{"alpha", 2.0f}}}, -1) == Approx(-1.2642411177));
  CHECK(apply_to(function("Selu"), -1) == Approx(-1.1113307378));
  CHECK(apply_to(function("Selu"), 1) == Approx(1.0507009874));
  CHECK(apply_to(function("Softplus"), 0) == Approx(0.6931471806));
  CHECK(apply_to(function("Ceil"), -1.5f) == -1);
  CHECK(apply_to(function("Floor"), -1.5f) == -2);
  CHECK(apply_to(function("Round"), -2.5f) == -2);
  CHECK(apply_to(function("Round"), 3.5f) == 4);
  CHECK(apply_to(function("Sign"), -3) == -1);
  CHECK(apply_to(function("Sin"), 1) == Approx(0.8414709848));
  CHECK(apply_to(function("Cos"), 1) == Approx(0.5403023059));
  CHECK(apply_to(function("Tan"), 1) == Approx(1.5574077247));
  CHECK(apply_to(function("Sinh"), 1) == Approx(1.1752011936));
  CHECK(apply_to(function("Cosh"), 1) == Approx(1.5430806348));
  CHECK(apply_to(function("Asin"), 0.5f) == Approx(0.5235987756));
  CHECK(apply_to(function("Acos"), 0.5f) == Approx(1.0471975512));
  CHECK(apply_to(function("Atan"), 1) == Approx(0.7853981634));
  CHECK(apply_to(function("Asinh"), 1) == Approx(0.8813735870));
  CHECK(apply_to(function("Acosh"), 2) == Approx(1.3169578969));
  CHECK(apply_to(function("Atanh"), 0.5f) == Approx(0.5493061443));
  CHECK(apply_to({.op = "Celu", .attributes = {{"alpha", 2.0f}}}, -1) == Approx(-0.7869386806));
  CHECK(apply_to({.op = "ThresholdedRelu", .attributes = {{"alpha", 2.0f}}}, 2) == 0);
  CHECK(apply_to({.op = "ThresholdedRelu", .attributes = {{"alpha", 2.0f}}}, 2.5f) == 2.5f);
  CHECK(apply_to({.op = "Shrink", .attributes = {{"lambd", 1.5f}, {"bias", 1.0f}}}, -2) == -1);
  CHECK(apply_to({.op = "Shrink", .attributes = {{"lambd", 1.5f}, {"bias", 1.0f}}}, 1.25f) == 0);
  CHECK(apply_to(function("Softsign"), -3) == -0.75f);
  CHECK(apply_to(function("Gelu"), 1) == Approx(0.8413447461));
  CHECK(apply_to({.op = "Gelu", .attributes = {{"approximate", std::string("tanh")}}, .version = 20}, 1) ==
        Approx(0.8411919906));
}

TEST_CASE("the tanh form of Gelu equals its definition", "[device]") {
  check_kernel({.op = "Gelu",
                .inputs = {random_tensor({129}, 9, -5, 5)},
                .attributes = {{"approximate", std::string("tanh")}},
                .version = 20},
               two_roundings);
}

TEST_CASE("Clip takes bounds as attributes, as constants and as inputs", "[device]") {
  const tensor input = random_tensor({3, 5}, 11, -4, 4);
  const float low = -1.5f, high = 2.25f;
  const tensor minimum = scalar_of(low);
  const tensor maximum = scalar_of(high);
  check_kernel({.op = "Clip", .inputs = {input}, .attributes = {{"min", low}, {"max", high}}, .version = 6},
               two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, minimum, maximum}, .constants = {1, 2}}, two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, minimum, maximum}}, two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, tensor(), maximum}, .constants = {2}}, two_roundings);
  check_kernel({.op = "Clip", .inputs = {input, maximum, minimum}, .constants = {1, 2}}, two_roundings);
}

TEST_CASE("Clip's upper bound wins when the bounds cross") {
  check_value({.op = "Clip", .inputs = {tensor_of<float>({3}, {-9, 1, 9}), scalar_of(2.0f), scalar_of(-2.0f)}},
              tensor_of<float>({3}, {-2, -2, -2}));
  check_value(
      {.op = "Clip",
       .inputs = {tensor_of<std::int32_t>({3}, {-9, 1, 9}), scalar_of<std::int32_t>(2), scalar_of<std::int32_t>(-2)}},
      tensor_of<std::int32_t>({3}, {-2, -2, -2}));
}

TEST_CASE("integers, float64 and float16 keep their precision") {
  constexpr std::int64_t large = (std::int64_t{1} << 62) + 1;
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  check_value({.op = "Relu", .inputs = {list_of({-large, large, 0})}, .version = 14}, list_of({0, large, 0}));
  check_value({.op = "Clip", .inputs = {list_of({-large, large}), tensor(), scalar_of(large - 1)}},
              list_of({-large, large - 1}));
  check_value({.op = "Abs", .inputs = {list_of({-large, lowest})}}, list_of({large, lowest}));
  check_value({.op = "Neg", .inputs = {list_of({-large, lowest})}}, list_of({large, lowest}));
  check_value({.op = "Neg", .inputs = {tensor_of<std::int8_t>({2}, {-128, 5})}},
              tensor_of<std::int8_t>({2}, {-128, -5}));
  check_value({.op = "Relu", .inputs = {tensor_of<std::int8_t>({2}, {-128, 5})}, .version = 14},
              tensor_of<std::int8_t>({2}, {0, 5}));
  check_value({.op = "Clip",
               .inputs = {tensor_of<std::uint8_t>({3}, {1, 100, 255}), scalar_of<std::uint8_t>(2),
                          scalar_of<std::uint8_t>(200)}},
              tensor_of<std::uint8_t>({3}, {2, 100, 200}));
  check_value({.op = "Sign", .inputs = {list_of({-large, 0, large})}}, list_of({-1, 0, 1}));
  check_value({.op = "Sign", .inputs = {tensor_of<std::uint16_t>({2}, {0, 65535})}},
              tensor_of<std::uint16_t>({2}, {0, 1}));
  check_value({.op = "Shrink",
               .inputs = {tensor_of<std::int8_t>({3}, {-3, 1, 3})},
               .attributes = {{"lambd", 1.5f}, {"bias", 1.0f}}},
              tensor_of<std::int8_t>({3}, {-2, 0, 2}));
  const double fine = 1 + 0x1p-50;
  check_value({.op = "Relu", .inputs = {tensor_of<double>({2}, {-fine, fine})}}, tensor_of<double>({2}, {0, fine}));
  check_value({.op = "Clip", .inputs = {tensor_of<double>({1}, {9}), tensor(), scalar_of(fine)}},
              tensor_of<double>({1}, {fine}));
  check_value({.op = "Clip",
               .inputs = {need(convert(tensor_of<float>({3}, {-3, 0.5f, 3}), dtype::f16)),
                          need(convert(scalar_of(-1.0f), dtype::f16)), need(convert(scalar_of(2.0f), dtype::f16))}},
              need(convert(tensor_of<float>({3}, {-1, 0.5f, 2}), dtype::f16)));
}

TEST_CASE("unary functions pass empty tensors and scalars through", "[device]") {
  check_kernel({.op = "Relu", .inputs = {need(tensor::make(dtype::f32, {0, 3}))}}, exact);
  check_kernel({.op = "Tanh", .inputs = {scalar_of(0.5f)}}, two_roundings);
}

TEST_CASE("unary functions refuse types and operands they are not defined for") {
  const tensor ints = list_of({1, 2});
  const tensor flags = tensor_of<bool>({2}, {true, false});
  CHECK(refusal({.op = "Sigmoid", .inputs = {ints}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Relu", .inputs = {flags}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Relu", .inputs = {ints, ints}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Relu", .inputs = {}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Clip", .inputs = {ints, scalar_of(1.0f)}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Clip", .inputs = {ints, ints}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Gelu",
                 .inputs = {scalar_of(1.0f)},
                 .attributes = {{"approximate", std::string("sigmoid")}},
                 .version = 20})
            .code() == errc::unsupported);
}

TEST_CASE("Mish and Swish have the values that their formulas give") {
  CHECK(apply_to(function("Mish"), 1) == Approx(0.86509839f));
  CHECK(apply_to(function("Mish"), -1) == Approx(-0.30340147f));
  CHECK(apply_to(function("Mish"), 0) == 0);
  CHECK(apply_to(function("Swish"), 1) == Approx(0.73105858f));
  kernel_case steep = function("Swish");
  steep.attributes["alpha"] = 2.0f;
  CHECK(apply_to(steep, 1) == Approx(0.88079708f));
  steep.inputs = {random_tensor({65}, 3, -6, 6)};
  check_kernel(steep, two_roundings);
}
