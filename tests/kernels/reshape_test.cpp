// The same elements in the same order: every result is exact, in every type.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Output 0 has shape `want` and the elements of input 0.
void check_relabelled(const kernel_case& given, const shape& want) {
  INFO(given.op << " to " << want.to_string());
  check_value(given, need(given.inputs[0].reshaped(want)));
}

kernel_case reshape(const tensor& data, std::initializer_list<std::int64_t> wanted, std::int64_t allowzero = 0) {
  return {.op = "Reshape", .inputs = {data, list_of(wanted)}, .attributes = {{"allowzero", allowzero}}, .version = 14};
}

}  // namespace

TEST_CASE("Reshape copies extents for 0 and computes one for -1") {
  const tensor data = counting({2, 3, 4});
  check_relabelled(reshape(data, {4, 6}), {4, 6});
  check_relabelled(reshape(data, {0, -1}), {2, 12});
  check_relabelled(reshape(data, {0, 0, 2, -1}), {2, 3, 2, 2});
  check_relabelled(reshape(data, {-1}), {24});
  check_relabelled(reshape(data, {1, 1, 1, 1, 1, 1, 24, 1}), {1, 1, 1, 1, 1, 1, 24, 1});
  check_relabelled(reshape(scalar_of(1.0f), {1, -1}), {1, 1});
  check_relabelled(reshape(counting({1, 1}), {}), {});
}

TEST_CASE("Reshape of an empty tensor keeps it empty") {
  const tensor empty = need(tensor::make(dtype::f32, {0, 3}));
  check_relabelled(reshape(empty, {3, 0}, 1), {3, 0});
  check_relabelled(reshape(empty, {0, 7}), {0, 7});
  check_relabelled(reshape(empty, {-1, 5}), {0, 5});
  CHECK(refusal(reshape(empty, {0, -1})).code() == errc::invalid_argument);
}

TEST_CASE("Reshape refuses shapes that do not fit") {
  const tensor data = counting({2, 3, 4});
  CHECK(refusal(reshape(data, {5, -1})).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {-1, -1})).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {-2, 12})).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {25})).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {0, 0, 0, 0})).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {0, 24}, 1)).code() == errc::invalid_argument);
  CHECK(refusal(reshape(data, {1, 1, 1, 1, 1, 1, 1, 1, 24})).code() == errc::unsupported);
  CHECK(refusal(reshape(data, {std::int64_t{1} << 62, std::int64_t{1} << 62, -1})).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Reshape", .inputs = {data}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Reshape", .inputs = {data, scalar_of(24.0f)}}).code() == errc::invalid_argument);
}

TEST_CASE("Flatten makes a matrix at any axis") {
  const tensor data = counting({2, 3, 4});
  const auto flatten = [&](std::int64_t axis) {
    return kernel_case{.op = "Flatten", .inputs = {data}, .attributes = {{"axis", axis}}};
  };
  check_relabelled({.op = "Flatten", .inputs = {data}}, {2, 12});
  check_relabelled(flatten(0), {1, 24});
  check_relabelled(flatten(2), {6, 4});
  check_relabelled(flatten(3), {24, 1});
  check_relabelled(flatten(-1), {6, 4});
  check_relabelled(flatten(-3), {1, 24});
  check_relabelled({.op = "Flatten", .inputs = {scalar_of(2.0f)}, .attributes = {{"axis", std::int64_t{0}}}}, {1, 1});
  check_relabelled({.op = "Flatten", .inputs = {need(tensor::make(dtype::f32, {3, 0, 2}))}}, {3, 0});
  CHECK(refusal(flatten(4)).code() == errc::invalid_argument);
  CHECK(refusal(flatten(-4)).code() == errc::invalid_argument);
}

TEST_CASE("Squeeze removes chosen axes, or all of extent 1") {
  const tensor data = counting({1, 3, 1, 4, 1});
  const auto by_attribute = [&](std::vector<std::int64_t> axes) {
    return kernel_case{.op = "Squeeze", .inputs = {data}, .attributes = {{"axes", std::move(axes)}}, .version = 11};
  };
  check_relabelled({.op = "Squeeze", .inputs = {data}}, {3, 4});
  check_relabelled(by_attribute({0, 2}), {3, 4, 1});
  check_relabelled(by_attribute({-1}), {1, 3, 1, 4});
  check_relabelled({.op = "Squeeze", .inputs = {data, list_of({0, -1})}}, {3, 1, 4});
  check_relabelled({.op = "Squeeze", .inputs = {data, list_of({})}}, {1, 3, 1, 4, 1});
  check_relabelled({.op = "Squeeze", .inputs = {counting({1, 1})}}, {});
  CHECK(refusal(by_attribute({1})).code() == errc::invalid_argument);
  CHECK(refusal(by_attribute({0, -5})).code() == errc::invalid_argument);
  CHECK(refusal(by_attribute({5})).code() == errc::invalid_argument);
}

TEST_CASE("Unsqueeze inserts axes of extent 1") {
  const tensor data = counting({3, 4});
  const auto by_attribute = [&](std::vector<std::int64_t> axes) {
    return kernel_case{.op = "Unsqueeze", .inputs = {data}, .attributes = {{"axes", std::move(axes)}}, .version = 11};
  };
  check_relabelled(by_attribute({0, 2}), {1, 3, 1, 4});
  check_relabelled(by_attribute({3, 0}), {1, 3, 4, 1});
  check_relabelled(by_attribute({-1}), {3, 4, 1});
  check_relabelled({.op = "Unsqueeze", .inputs = {data, list_of({0, -1})}}, {1, 3, 4, 1});
  check_relabelled({.op = "Unsqueeze", .inputs = {scalar_of(1.0f), list_of({0})}}, {1});
  CHECK(refusal(by_attribute({0, 0})).code() == errc::invalid_argument);
  CHECK(refusal(by_attribute({3})).code() == errc::invalid_argument);
  CHECK(refusal(by_attribute({0, 1, 2, 3, 4, 5, 6})).code() == errc::unsupported);
  CHECK(refusal({.op = "Unsqueeze", .inputs = {data}}).code() == errc::invalid_argument);
}

TEST_CASE("Identity keeps every type") {
  for (const dtype type : all_types) check_relabelled({.op = "Identity", .inputs = {counting({3, 5}, type)}}, {3, 5});
}

TEST_CASE("Dropout passes its operand through, and its mask is all true") {
  const tensor data = counting({2, 3});
  check_relabelled({.op = "Dropout", .inputs = {data}, .attributes = {{"ratio", 0.5f}}, .version = 10}, {2, 3});
  check_relabelled({.op = "Dropout", .inputs = {data, scalar_of(0.5f), scalar_of(false)}}, {2, 3});
  const auto both = need(evaluate({.op = "Dropout", .inputs = {data}, .outputs = 2}));
  CHECK(bitwise_equal(both[0], data));
  CHECK(bitwise_equal(both[1], tensor_of<bool>({2, 3}, {true, true, true, true, true, true})));
  CHECK(refusal({.op = "Dropout", .inputs = {data, scalar_of(0.5f), scalar_of(true)}}).code() == errc::unsupported);
}

TEST_CASE("devices give the same elements under another shape", "[device]") {
  const kernel_case cases[] = {
      reshape(counting({2, 3, 4}), {0, -1}),
      {.op = "Flatten", .inputs = {counting({2, 3, 4})}},
      {.op = "Squeeze", .inputs = {counting({1, 3, 1})}},
      {.op = "Unsqueeze", .inputs = {counting({3}), list_of({0})}, .constants = {1}},
      {.op = "Identity", .inputs = {counting({3})}},
      {.op = "Dropout", .inputs = {counting({3})}},
      {.op = "Reshape", .inputs = {need(tensor::make(dtype::f32, {0, 3})), list_of({0, 5})}, .constants = {1}},
  };
  for (const kernel_case& given : cases) check_kernel(given, exact);
}
