// Bounds: the elements are rounded to binary16 (relative 2^-11, of random sign), the sum is fp32, the result is
// rounded.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using list = std::vector<std::int64_t>;

/// Elements around 2, so that the mean does not vanish and a relative bound says something.
kernel_case mean(const shape& input, std::optional<list> axes, std::int64_t keepdims = 1) {
  kernel_case made{
      .op = "ReduceMean", .inputs = {random_tensor(input, 1, 1, 3)}, .attributes = {{"keepdims", keepdims}}};
  if (axes) made.attributes["axes"] = *axes;
  return made;
}

}  // namespace

TEST_CASE("ReduceMean of a small tensor is what a hand computes") {
  const tensor data = tensor_of({3, 2, 2}, {5, 1, 20, 2, 30, 1, 40, 2, 55, 1, 60, 2});
  check_reference({.op = "ReduceMean", .inputs = {data}, .attributes = {{"axes", list{1}}}},
                  tensor_of({3, 1, 2}, {12.5f, 1.5f, 35, 1.5f, 57.5f, 1.5f}));
  check_reference(
      {.op = "ReduceMean", .inputs = {data}, .attributes = {{"axes", list{-2}}, {"keepdims", std::int64_t{0}}}},
      tensor_of({3, 2}, {12.5f, 1.5f, 35, 1.5f, 57.5f, 1.5f}));
  check_reference({.op = "ReduceMean", .inputs = {data}}, tensor_of({1, 1, 1}, {18.25f}));
}

TEST_CASE("ReduceMean equals its definition for every choice of axes") {
  for (const std::int64_t keepdims : {0, 1}) {
    for (unsigned chosen = 0; chosen < 16; ++chosen) {
      list axes;
      for (unsigned axis = 0; axis < 4; ++axis)
        if (chosen >> axis & 1) axes.push_back(axis % 2 ? axis : static_cast<std::int64_t>(axis) - 4);
      INFO("axes " << chosen << ", keepdims " << keepdims);
      check_kernel(mean({3, 7, 5, 9}, axes, keepdims), two_roundings);
    }
    check_kernel(mean({2, 3, 2, 3, 2, 3, 2, 3}, list{0, 2, 4, 6}, keepdims), two_roundings);
    check_kernel(mean({2, 3, 2, 3, 2, 3, 2, 3}, list{1, 3, 5, 7}, keepdims), two_roundings);
    check_kernel(mean({}, std::nullopt, keepdims), two_roundings);
  }
}

TEST_CASE("ReduceMean sums rows of awkward and of great length") {
  for (const std::int64_t length : {1, 63, 64, 65, 127, 4097, 100000}) {
    INFO(length);
    check_kernel(mean({3, length}, list{1}), two_roundings);
    check_kernel(mean({length, 3}, list{0}), two_roundings);
  }
  check_kernel(mean({300, 2, 333}, list{0, 2}), two_roundings);
  check_kernel(mean({(1 << 20) + 77}, list{0}), two_roundings);
}

TEST_CASE("ReduceMean takes its axes as an operand since opset 18") {
  const std::int64_t axes[] = {-1, 0};
  const tensor axes_operand = need(tensor::from(shape{2}, std::span<const std::int64_t>(axes)));
  const tensor none = need(tensor::from(shape{0}, std::span<const std::int64_t>()));
  kernel_case given = mean({3, 4, 5}, std::nullopt);
  given.version = 18;
  check_kernel(given, two_roundings);
  given.inputs.push_back(axes_operand);
  check_kernel(given, two_roundings);
  given.constants = {1};
  check_kernel(given, two_roundings);
  CHECK(run_on("reference", given, dtype::f32)[0].dims() == shape{1, 4, 1});
  given.attributes["noop_with_empty_axes"] = std::int64_t{1};
  given.inputs[1] = none;
  if (none.storage()) check_kernel(given, two_roundings);
  given.inputs.pop_back();
  given.constants.clear();
  check_kernel(given, two_roundings);
}

TEST_CASE("GlobalAveragePool equals its definition") {
  check_reference({.op = "GlobalAveragePool", .inputs = {tensor_of({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9})}},
                  tensor_of({1, 1, 1, 1}, {5}));
  for (const shape& dims : {shape{1, 1, 1, 1}, shape{2, 65, 7, 7}, shape{1, 3, 300, 300}, shape{2, 3, 17},
                            shape{1, 2, 3, 4, 5}, shape{2, 3}})
    check_kernel({.op = "GlobalAveragePool", .inputs = {random_tensor(dims, 4, 1, 3)}}, two_roundings);
}

TEST_CASE("a row has the same bits alone and among others in a mean") {
  check_batch_invariance(mean({5, 129}, list{1}));
  check_batch_invariance(mean({5, 5000}, list{1}));
  check_batch_invariance({.op = "GlobalAveragePool", .inputs = {random_tensor({5, 3, 70, 70}, 6)}});
}

TEST_CASE("means refuse what makes no sense") {
  CHECK(refused(mean({3, 4}, list{2}), "axis 2 is outside"));
  CHECK(refused(mean({3, 4}, list{-3}), "axis -3 is outside"));
  CHECK(refused({.op = "ReduceMean", .inputs = {random_tensor({2}, 1)}, .attributes = {{"axes", std::int64_t{0}}}},
                "not a list"));
  CHECK(refused({.op = "GlobalAveragePool", .inputs = {random_tensor({2}, 1)}}, "lacks channels"));
}
