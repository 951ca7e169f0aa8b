#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case gather_elements(tensor data, tensor indices, std::int64_t axis) {
  return {.op = "GatherElements", .inputs = {std::move(data), std::move(indices)}, .attributes = {{"axis", axis}}};
}

kernel_case gather_nd(tensor data, tensor indices, std::int64_t batch = 0) {
  return {.op = "GatherND", .inputs = {std::move(data), std::move(indices)}, .attributes = {{"batch_dims", batch}}};
}

/// Indices in [-extent, extent) for each coordinate of extents, which repeat along the last axis.
tensor random_coordinates(const shape& dims, std::vector<std::int64_t> extents) {
  tensor made = need(tensor::make(dtype::i64, dims));
  random_source random(11);
  std::size_t i = 0;
  for (std::int64_t& index : made.as_mutable<std::int64_t>()) {
    const std::int64_t extent = extents[i++ % extents.size()];
    index = static_cast<std::int64_t>(random.below(static_cast<std::size_t>(2 * extent))) - extent;
  }
  return made;
}

}  // namespace

TEST_CASE("GatherElements chooses single elements along an axis") {
  const tensor data = tensor_of<float>({2, 2}, {1, 2, 3, 4});
  check_value(gather_elements(data, tensor_of<std::int64_t>({2, 2}, {0, 0, 1, 0}), 1),
              tensor_of<float>({2, 2}, {1, 1, 4, 3}));
  check_value(gather_elements(data, tensor_of<std::int32_t>({1, 2}, {-1, 0}), 0), tensor_of<float>({1, 2}, {3, 2}));
  for (const dtype type : all_types)
    check_value(gather_elements(need(convert(list_of({1, 0}), type)), list_of({1, 1, 0}), 0),
                need(convert(list_of({0, 0, 1}), type)));
}

TEST_CASE("GatherND chooses blocks by lists of coordinates") {
  const tensor data = tensor_of<std::int32_t>({2, 2}, {0, 1, 2, 3});
  check_value(gather_nd(data, tensor_of<std::int64_t>({2, 2}, {0, 0, 1, -1})), tensor_of<std::int32_t>({2}, {0, 3}));
  check_value(gather_nd(data, tensor_of<std::int64_t>({2, 1}, {1, 0})), tensor_of<std::int32_t>({2, 2}, {2, 3, 0, 1}));
  const tensor cube = counting({2, 2, 2});
  check_value(gather_nd(cube, tensor_of<std::int64_t>({2, 1}, {1, 0}), 1), tensor_of<float>({2, 2}, {2, 3, 4, 5}));
  check_value(gather_nd(cube, tensor_of<std::int64_t>({2, 1, 2}, {0, 1, 1, 0})),
              tensor_of<float>({2, 1, 2}, {2, 3, 4, 5}));
}

TEST_CASE("GatherElements and GatherND choose the same on a device", "[device]") {
  const tensor data = random_halves({5, 7, 3}, 2);
  for (const std::int64_t axis : {0, 1, 2}) {
    const std::int64_t extent = data.dims()[static_cast<std::size_t>(axis)];
    check_kernel(gather_elements(data, random_coordinates({2, 7, 3}, {extent}), axis), exact);
    kernel_case constant = gather_elements(data, random_coordinates({5, 1, 2}, {extent}), axis);
    constant.constants = {1};
    check_kernel(constant, exact);
  }
  check_kernel(gather_elements(random_halves({300}, 3), random_coordinates({65}, {300}), 0), exact);
  check_kernel(gather_nd(data, random_coordinates({65, 3}, {5, 7, 3})), exact);
  check_kernel(gather_nd(data, random_coordinates({3, 2, 2}, {5, 7})), exact);
  check_kernel(gather_nd(data, random_coordinates({5, 4, 1}, {7}), 1), exact);
  check_kernel(gather_nd(data, random_coordinates({5, 7, 6, 1}, {3}), 2), exact);
  check_kernel(gather_nd(data, need(tensor::make(dtype::i64, {0, 3}))), exact);
}

TEST_CASE("a chosen index out of range reads no memory of others on a device", "[device]") {
  const tensor data = counting({3});
  const tensor far = list_of({1'000'000, -1'000'000, 1});
  CHECK(bitwise_equal(run_on("", gather_elements(data, far, 0), dtype::f32)[0], tensor_of<float>({3}, {2, 0, 1})));
  CHECK(bitwise_equal(run_on("", gather_nd(data, need(far.reshaped({3, 1}))), dtype::f32)[0],
                      tensor_of<float>({3}, {2, 0, 1})));
}

TEST_CASE("GatherElements and GatherND refuse operands that do not fit") {
  const tensor data = counting({2, 3});
  const auto code = [](const kernel_case& given) { return refusal(given).code(); };
  CHECK(code(gather_elements(data, tensor_of<std::int64_t>({1, 1}, {3}), 1)) == errc::invalid_argument);
  CHECK(code(gather_elements(data, tensor_of<std::int64_t>({1, 1}, {-3}), 0)) == errc::invalid_argument);
  CHECK(code(gather_elements(data, list_of({0}), 0)) == errc::invalid_argument);
  CHECK(code(gather_elements(data, need(tensor::make(dtype::i64, {3, 3})), 1)) == errc::invalid_argument);
  CHECK(code(gather_elements(data, tensor_of<float>({1, 1}, {0}), 1)) == errc::invalid_argument);
  CHECK(code(gather_nd(data, tensor_of<std::int64_t>({1, 2}, {0, 3}))) == errc::invalid_argument);
  CHECK(code(gather_nd(data, need(tensor::make(dtype::i64, {1, 3})))) == errc::invalid_argument);
  CHECK(code(gather_nd(data, need(tensor::make(dtype::i64, {1, 0})))) == errc::invalid_argument);
  CHECK(code(gather_nd(data, list_of({0}), 1)) == errc::invalid_argument);
  CHECK(code(gather_nd(data, list_of({0}), -1)) == errc::invalid_argument);
  CHECK(code(gather_nd(data, need(tensor::make(dtype::i64, {3, 1})), 1)) == errc::invalid_argument);
  CHECK(code(gather_nd(scalar_of(1.0f), list_of({0}))) == errc::invalid_argument);
}
