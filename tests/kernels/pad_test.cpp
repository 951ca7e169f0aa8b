// Data only moves: results are exact.
#include <limits>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case pad(const tensor& data, std::initializer_list<std::int64_t> pads, const char* mode = "constant") {
  return {.op = "Pad",
          .inputs = {data, list_of(pads)},
          .attributes = {{"mode", std::string(mode)}},
          .version = 19,
          .constants = {1}};
}

}  // namespace

TEST_CASE("Pad surrounds its operand in every mode") {
  const tensor row = tensor_of<float>({3}, {1, 2, 3});
  check_value(pad(row, {2, 1}), tensor_of<float>({6}, {0, 0, 1, 2, 3, 0}));
  check_value(pad(row, {2, 1}, "edge"), tensor_of<float>({6}, {1, 1, 1, 2, 3, 3}));
  check_value(pad(row, {2, 1}, "reflect"), tensor_of<float>({6}, {3, 2, 1, 2, 3, 2}));
  check_value(pad(row, {2, 1}, "wrap"), tensor_of<float>({6}, {2, 3, 1, 2, 3, 1}));
  check_value(pad(tensor_of<float>({1, 2}, {1, 2}), {1, 0, 0, 1}), tensor_of<float>({2, 3}, {0, 0, 0, 1, 2, 0}));
}

TEST_CASE("Pad repeats a reflection and a wrap as often as needed") {
  const tensor row = tensor_of<float>({3}, {1, 2, 3});
  check_value(pad(row, {5, 4}, "reflect"), tensor_of<float>({12}, {2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3}));
  check_value(pad(row, {4, 4}, "wrap"), tensor_of<float>({11}, {3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1}));
  check_value(pad(tensor_of<float>({1}, {7}), {2, 1}, "reflect"), tensor_of<float>({4}, {7, 7, 7, 7}));
}

TEST_CASE("negative pads trim") {
  const tensor row = tensor_of<float>({5}, {1, 2, 3, 4, 5});
  check_value(pad(row, {-1, -2}), tensor_of<float>({2}, {2, 3}));
  check_value(pad(row, {-1, 2}), tensor_of<float>({6}, {2, 3, 4, 5, 0, 0}));
  check_value(pad(row, {-1, 2}, "reflect"), tensor_of<float>({6}, {2, 3, 4, 5, 4, 3}));
  check_value(pad(row, {2, -3}, "edge"), tensor_of<float>({4}, {1, 1, 1, 2}));
  check_value(pad(row, {-5, 0}), need(tensor::make(dtype::f32, {0})));
  check_value(pad(row, {-5, 2}), tensor_of<float>({2}, {0, 0}));
}

TEST_CASE("Pad takes its pads, constant and axes as attributes and as inputs") {
  const tensor data = tensor_of<float>({2, 1}, {1, 2});
  const tensor want = tensor_of<float>({2, 3}, {9, 1, 9, 9, 2, 9});
  const std::vector<std::int64_t> pads{0, 1, 0, 1};
  check_value({.op = "Pad", .inputs = {data}, .attributes = {{"pads", pads}, {"value", 9.0f}}, .version = 10}, want);
  check_value({.op = "Pad", .inputs = {data, list_of({0, 1, 0, 1}), scalar_of(9.0f)}}, want);
  check_value({.op = "Pad", .inputs = {data, list_of({1, 1}), scalar_of(9.0f), list_of({-1})}, .version = 18}, want);
  check_value({.op = "Pad",
               .inputs = {data, list_of({1, 1}), scalar_of(9.0f), tensor_of<std::int32_t>({1}, {1})},
               .version = 18},
              want);
  check_value({.op = "Pad", .inputs = {data, list_of({0, 1, 1, 0}), tensor(), list_of({1, 0})}, .version = 18},
              tensor_of<float>({3, 2}, {0, 0, 1, 0, 2, 0}));
}

TEST_CASE("Pad keeps every type") {
  for (const dtype type : all_types) {
    const tensor one = need(convert(scalar_of<std::int64_t>(1), type));
    const tensor padded = need(convert(list_of({1, 0, 1}), type));
    check_value({.op = "Pad", .inputs = {need(convert(list_of({0, 1}), type)), list_of({1, 0}), one}}, padded);
    check_value({.op = "Pad", .inputs = {need(convert(list_of({1, 0}), type)), list_of({0, 1}), one}}, padded);
  }
}

TEST_CASE("Pad surrounds tensors of every rank on a device", "[device]") {
  for (const char* mode : {"constant", "reflect", "edge", "wrap"}) {
    INFO(mode);
    check_kernel(pad(random_halves({7}, 1), {3, 65}, mode), exact);
    check_kernel(pad(random_halves({5, 3}, 1), {1, 0, 0, 2}, mode), exact);
    check_kernel(pad(random_halves({2, 3, 9, 7}, 1), {0, 0, 3, 2, 0, 0, 1, 3}, mode), exact);
    check_kernel(pad(random_halves({2, 3, 9, 7}, 1), {0, 0, -3, 2, 0, 1, 1, -3}, mode), exact);
    check_kernel(pad(random_halves({3, 1, 2, 2, 1, 2}, 1), {1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1}, mode), exact);
    check_kernel(
        pad(random_halves({2, 1, 2, 1, 2, 1, 2, 3}, 1), {1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2}, mode), exact);
  }
}

TEST_CASE("Pad of an empty tensor is all constant", "[device]") {
  const kernel_case given{.op = "Pad",
                          .inputs = {need(tensor::make(dtype::f32, {0, 2})), list_of({1, 0, 0, 1}), scalar_of(4.0f)},
                          .constants = {1, 2}};
  check_value(given, tensor_of<float>({1, 3}, {4, 4, 4}));
  check_kernel(given, exact);
  check_kernel(pad(need(tensor::make(dtype::f32, {0, 2})), {0, 0, 0, 1}), exact);
}

TEST_CASE("Pad stores its constant as other values are stored", "[device]") {
  for (const float value : {-std::numeric_limits<float>::infinity(), 0.1f, -1e9f})
    check_kernel({.op = "Pad",
                  .inputs = {random_halves({3, 3}, 1), list_of({1, 1, 1, 1}), scalar_of(value)},
                  .constants = {1, 2}},
                 exact);
}

TEST_CASE("Pad refuses pads that do not fit") {
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  const tensor row = tensor_of<float>({3}, {1, 2, 3});
  CHECK(refusal(pad(row, {1})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {1, 1, 1, 1})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {-2, -2})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {-4, 4})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {highest, highest})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {lowest, highest})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {1, limits::elements_max})).code() == errc::invalid_argument);
  CHECK(refusal(pad(row, {1, 1}, "mirror")).code() == errc::unsupported);
  CHECK(refusal(pad(need(tensor::make(dtype::f32, {0})), {1, 1}, "edge")).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Pad", .inputs = {row}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Pad", .inputs = {row, list_of({1, 1}), list_of({1})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Pad", .inputs = {row, list_of({1, 1, 1, 1}), tensor(), list_of({0, -1})}, .version = 18})
            .code() == errc::invalid_argument);
  CHECK(refusal({.op = "Pad", .inputs = {row, list_of({1, 1}), tensor(), list_of({1})}, .version = 18}).code() ==
        errc::invalid_argument);
}
