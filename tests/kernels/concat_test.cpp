// Data only moves: results are exact.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case concat(std::vector<tensor> parts, std::int64_t axis) {
  return {.op = "Concat", .inputs = std::move(parts), .attributes = {{"axis", axis}}};
}

}  // namespace

TEST_CASE("Concat has the values of the definition") {
  const tensor a = tensor_of<float>({2, 2}, {1, 2, 3, 4});
  const tensor b = tensor_of<float>({2, 1}, {8, 9});
  const tensor joined = tensor_of<float>({2, 3}, {1, 2, 8, 3, 4, 9});
  check_value(concat({a, b}, 1), joined);
  check_value(concat({a, b}, -1), joined);
  check_value(concat({a, tensor_of<float>({1, 2}, {5, 6})}, 0), tensor_of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  check_value(concat({a}, 0), a);
}

TEST_CASE("Concat joins every type") {
  for (const dtype type : all_types) {
    const tensor part = counting({2}, type);  // 0, 1
    const tensor want = need(convert(tensor_of<float>({4}, {0, 1, 0, 1}), dtype::i64));
    check_value(concat({part, part}, 0),
                type == dtype::boolean ? tensor_of<bool>({4}, {false, true, false, true}) : need(convert(want, type)));
  }
}

TEST_CASE("Concat joins any number of operands along any axis", "[device]") {
  check_kernel(concat({random_halves({1, 3, 5, 5}, 1), random_halves({1, 7, 5, 5}, 2)}, 1), exact);
  check_kernel(concat({random_halves({2, 3, 5}, 1), random_halves({2, 3, 1}, 2), random_halves({2, 3, 64}, 3)}, 2),
               exact);
  check_kernel(concat({random_halves({3}, 1), need(tensor::make(dtype::f32, {0})), random_halves({65}, 2)}, 0), exact);
  check_kernel(concat({random_halves({2, 1, 2, 1, 2, 1, 2, 1}, 1), random_halves({2, 1, 2, 3, 2, 1, 2, 1}, 2)}, 3),
               exact);
  check_kernel(concat({need(tensor::make(dtype::f32, {2, 0})), need(tensor::make(dtype::f32, {3, 0}))}, 0), exact);
  // Whole blocks of eight, and the same at an offset that is not a multiple of eight.
  check_kernel(concat({random_halves({2, 3, 8}, 1), random_halves({2, 5, 8}, 2)}, 1), exact);
  check_kernel(concat({random_halves({3}, 1), random_halves({64}, 2), random_halves({5}, 3), random_halves({8}, 4)}, 0),
               exact);
  std::vector<tensor> many;
  for (std::uint64_t i = 0; i < 40; ++i) many.push_back(random_halves({2, static_cast<std::int64_t>(i % 3)}, i));
  check_kernel(concat(many, 1), exact);
}

TEST_CASE("Concat refuses operands that do not fit") {
  const tensor a = counting({2, 3});
  CHECK(refusal(concat({a, counting({3, 3})}, 1)).code() == errc::invalid_argument);
  CHECK(refusal(concat({a, counting({2, 3, 1})}, 1)).code() == errc::invalid_argument);
  CHECK(refusal(concat({a, counting({2, 3}, dtype::i32)}, 1)).code() == errc::invalid_argument);
  CHECK(refusal(concat({a, a}, 2)).code() == errc::invalid_argument);
  CHECK(refusal(concat({a, a}, -3)).code() == errc::invalid_argument);
  CHECK(refusal(concat({scalar_of(1.0f), scalar_of(2.0f)}, 0)).code() == errc::invalid_argument);
  CHECK(refusal(concat({a, tensor(), a}, 0)).code() == errc::invalid_argument);
  CHECK(refusal(concat({}, 0)).code() == errc::invalid_argument);
}
