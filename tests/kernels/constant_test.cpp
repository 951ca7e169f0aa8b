#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case constant(const char* name, attribute value) {
  return {.op = "Constant", .attributes = {{name, std::move(value)}}};
}

}  // namespace

TEST_CASE("Constant has every form of value") {
  check_value(constant("value", counting({2, 3}, dtype::i8)), counting({2, 3}, dtype::i8));
  check_value(constant("value_float", 1.5f), scalar_of(1.5f));
  check_value(constant("value_int", std::int64_t{7}), scalar_of<std::int64_t>(7));
  check_value(constant("value_floats", std::vector<float>{1, 2}), tensor_of<float>({2}, {1, 2}));
  check_value(constant("value_ints", std::vector<std::int64_t>{3, 4}), list_of({3, 4}));
  check_value(constant("value_ints", std::vector<std::int64_t>{}), list_of({}));
  check_value(constant("value_floats", std::vector<float>{}), tensor_of<float>({0}, {}));
}

TEST_CASE("Constant refuses strings, several values and none") {
  CHECK(refusal(constant("value_string", std::string("a"))).code() == errc::unsupported);
  CHECK(refusal(constant("value_strings", std::vector<std::string>{"a"})).code() == errc::unsupported);
  CHECK(refusal(constant("value_int", 1.0f)).code() == errc::unsupported);
  CHECK(refusal({.op = "Constant"}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Constant", .attributes = {{"value_int", std::int64_t{1}}, {"value_float", 1.0f}}}).code() ==
        errc::invalid_argument);
}

TEST_CASE("Constant feeds a device", "[device]") {
  check_kernel(constant("value", random_halves({3, 5}, 4)), exact);
}
