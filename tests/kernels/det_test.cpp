#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("Det is the determinant of each matrix") {
  check_value({.op = "Det", .inputs = {tensor_of<float>({2, 2}, {1, 2, 3, 4})}}, scalar_of(-2.0f));
  check_value({.op = "Det", .inputs = {tensor_of<float>({3, 2, 2}, {0, 1, 1, 0, 2, 4, 1, 2, 3, 0, 0, 3})}},
              tensor_of<float>({3}, {-1, 0, 9}));
  check_value({.op = "Det", .inputs = {need(tensor::make(dtype::f32, {0, 0}))}}, scalar_of(1.0f));
  CHECK(refusal({.op = "Det", .inputs = {counting({2, 3})}}).code() == errc::invalid_argument);
  CHECK(refusal({.op = "Det", .inputs = {counting({2})}}).code() == errc::invalid_argument);
}
