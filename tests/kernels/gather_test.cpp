// Data only moves: results are exact.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case gather(const tensor& data, const tensor& indices, std::int64_t axis) {
  return {.op = "Gather", .inputs = {data, indices}, .attributes = {{"axis", axis}}};
}

tensor random_indices(const shape& dims, std::int64_t extent) {
  tensor made = need(tensor::make(dtype::i64, dims));
  random_source random(17);
  for (std::int64_t& index : made.as_mutable<std::int64_t>())
    index = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(2 * extent))) - extent;
  return made;
}

}  // namespace

TEST_CASE("Gather chooses rows, columns and single elements") {
  const tensor data = counting({3, 2});
  check_value(gather(data, list_of({2, 0}), 0), tensor_of<float>({2, 2}, {4, 5, 0, 1}));
  check_value(gather(data, list_of({1}), 1), tensor_of<float>({3, 1}, {1, 3, 5}));
  check_value(gather(data, list_of({-1, -3}), 0), tensor_of<float>({2, 2}, {4, 5, 0, 1}));
  check_value(gather(data, scalar_of<std::int64_t>(1), 0), tensor_of<float>({2}, {2, 3}));
  check_value(gather(data, scalar_of<std::int64_t>(1), -1), tensor_of<float>({3}, {1, 3, 5}));
  check_value(gather(counting({3}), scalar_of<std::int64_t>(-2), 0), scalar_of(1.0f));
  check_value(gather(data, tensor_of<std::int32_t>({2, 1}, {0, 1}), 1),
              tensor_of<float>({3, 2, 1}, {0, 1, 2, 3, 4, 5}));
  check_value(gather(data, list_of({}), 0), need(tensor::make(dtype::f32, {0, 2})));
}

TEST_CASE("Gather keeps every type") {
  for (const dtype type : all_types)
    check_value(gather(need(convert(list_of({1, 0, 0}), type)), list_of({2, 0, 1, 0}), 0),
                need(convert(list_of({0, 1, 0, 1}), type)));
}

TEST_CASE("Gather chooses along any axis on a device", "[device]") {
  const tensor data = random_halves({5, 7, 3}, 2);
  for (const std::int64_t axis : {0, 1, 2}) {
    for (const shape& dims : {shape{}, shape{1}, shape{65}, shape{2, 3, 4}}) {
      const tensor indices = random_indices(dims, data.dims()[static_cast<std::size_t>(axis)]);
      check_kernel(gather(data, indices, axis), exact);
      kernel_case constant = gather(data, indices, axis);
      constant.constants = {1};
      check_kernel(constant, exact);
    }
  }
  check_kernel(gather(random_halves({50, 64}, 2), random_indices({2, 9}, 50), 0), exact);
  check_kernel(gather(random_halves({2, 2, 2, 2, 3}, 2), random_indices({2, 2, 2, 1}, 3), 4), exact);
  check_kernel(gather(data, need(tensor::make(dtype::i64, {0})), 1), exact);
  check_kernel(gather(need(tensor::make(dtype::f32, {3, 0})), list_of({1, 2}), 0), exact);
}

TEST_CASE("an index out of range is refused on the host") {
  const tensor data = counting({3, 2});
  CHECK(refusal(gather(data, list_of({0, 3}), 0)).code() == errc::invalid_argument);
  CHECK(refusal(gather(data, list_of({-4}), 0)).code() == errc::invalid_argument);
  CHECK(refusal(gather(data, list_of({std::int64_t{1} << 62}), 0)).code() == errc::invalid_argument);
  CHECK(refusal(gather(need(tensor::make(dtype::f32, {0, 2})), list_of({0}), 0)).code() == errc::invalid_argument);
}

TEST_CASE("an index out of range reads no memory of others on a device", "[device]") {
  const tensor data = counting({3, 2});
  const auto got = run_on("", gather(data, list_of({1'000'000, -1'000'000, 1}), 0), dtype::f32);
  CHECK(bitwise_equal(got[0], tensor_of<float>({3, 2}, {4, 5, 0, 1, 2, 3})));
}

TEST_CASE("Gather refuses operands that do not fit") {
  const tensor data = counting({3, 2});
  CHECK(refusal(gather(data, list_of({0}), 2)).code() == errc::invalid_argument);
  CHECK(refusal(gather(data, list_of({0}), -3)).code() == errc::invalid_argument);
  CHECK(refusal(gather(scalar_of(1.0f), list_of({0}), 0)).code() == errc::invalid_argument);
  CHECK(refusal(gather(data, tensor_of<float>({1}, {0}), 0)).code() == errc::invalid_argument);
  CHECK(refusal(gather(data, need(tensor::make(dtype::i64, {1, 1, 1, 1, 1, 1, 1, 1})), 0)).code() == errc::unsupported);
  CHECK(refusal({.op = "Gather", .inputs = {data}}).code() == errc::invalid_argument);
}
