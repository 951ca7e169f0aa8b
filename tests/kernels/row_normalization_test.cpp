// LayerNormalization, RMSNormalization, InstanceNormalization and GroupNormalization. Bounds: operands are rounded to
// binary16 (2^-12 on average) and combined by a handful of operations, and the result is rounded.
#include <cmath>

#include "support/gpu_lowering.hpp"
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound normalized{2e-3, 2e-3};
const float root2 = std::sqrt(2.0f);

shape tail_of(const shape& dims, std::size_t axis) {
  return need(shape::make(dims.extents().subspan(axis)));
}

kernel_case layer(const shape& dims, std::int64_t axis = -1, bool has_offset = true, std::size_t outputs = 1) {
  const shape rest = tail_of(dims, need(normalize_axis(axis, dims.rank())));
  kernel_case made{.op = "LayerNormalization",
                   .inputs = {random_tensor(dims, 1, -2, 3), random_tensor(rest, 2, 0.5f, 1.5f)},
                   .attributes = {{"axis", axis}},
                   .version = 17,
                   .outputs = outputs};
  if (has_offset) made.inputs.push_back(random_tensor(rest, 3));
  return made;
}

kernel_case rms(const shape& dims, std::int64_t axis = -1) {
  kernel_case made = layer(dims, axis, false);
  made.op = "RMSNormalization";
  made.version = 23;
  return made;
}

kernel_case channels(const std::string& op, const shape& dims, std::int64_t groups, int version) {
  const std::int64_t factors = op == "GroupNormalization" && version < 21 ? groups : dims[1];
  kernel_case made{
      .op = op,
      .inputs = {random_tensor(dims, 1, -2, 3), random_tensor({factors}, 2, 0.5f, 1.5f), random_tensor({factors}, 3)},
      .version = version};
  if (op == "GroupNormalization") made.attributes["num_groups"] = groups;
  return made;
}

}  // namespace

TEST_CASE("LayerNormalization of a small row is what a hand computes") {
  // Mean 3, squares around it 4, 0, 4 and 0: mean 2.
  kernel_case given{
      .op = "LayerNormalization",
      .inputs = {tensor_of({1, 4}, {1, 3, 5, 3}), tensor_of({4}, {1, 1, 2, 1}), tensor_of({4}, {0, 5, 0, 0})},
      .attributes = {{"epsilon", 0.0f}},
      .version = 17,
      .outputs = 3};
  check_reference(given, tensor_of({1, 4}, {-root2, 5, 2 * root2, 0}));
  const auto got = run_on("reference", given, dtype::f32);
  CHECK(compare(got.at(1), tensor_of({1, 1}, {3}), {1e-6, 1e-6}) == "");
  CHECK(compare(got.at(2), tensor_of({1, 1}, {1 / root2}), {1e-6, 1e-6}) == "");
}

TEST_CASE("RMSNormalization of a small row is what a hand computes") {
  // The mean of squares of 1, 7 is 25.
  check_reference({.op = "RMSNormalization",
                   .inputs = {tensor_of({1, 2}, {1, 7}), tensor_of({2}, {1, 10})},
                   .attributes = {{"epsilon", 0.0f}},
                   .version = 23},
                  tensor_of({1, 2}, {0.2f, 14}));
}

TEST_CASE("InstanceNormalization and GroupNormalization of small tensors are what a hand computes") {
  const auto given = [](const std::string& op, const std::vector<float>& scale, int version) {
    kernel_case made{
        .op = op,
        .inputs = {tensor_of({1, 4, 2}, {1, 3, 5, 7, 0, 0, 2, 2}),
                   tensor_of({static_cast<std::int64_t>(scale.size())}, scale),
                   tensor_of({static_cast<std::int64_t>(scale.size())}, std::vector<float>(scale.size(), 1))},
        .attributes = {{"epsilon", 0.0f}},
        .version = version};
    if (op == "GroupNormalization") made.attributes["num_groups"] = std::int64_t{2};
    return made;
  };
  auto instance = given("InstanceNormalization", {1, 2, 3, 4}, 6);
  instance.attributes["epsilon"] = 1e-12f;  // two of the channels are constant
  check_reference(instance, tensor_of({1, 4, 2}, {0, 2, -1, 3, 1, 1, 1, 1}));
  // Channels 0 and 1 together: mean 4, squares 9, 1, 1 and 9, mean 5. Channels 2 and 3: mean 1, squares 1.
  const float a = 1 / std::sqrt(5.0f);
  check_reference(given("GroupNormalization", {1, 10, 2, 1}, 21),
                  tensor_of({1, 4, 2}, {1 - 3 * a, 1 - a, 1 + 10 * a, 1 + 30 * a, -1, -1, 2, 2}));
  check_reference(given("GroupNormalization", {1, 2}, 18),
                  tensor_of({1, 4, 2}, {1 - 3 * a, 1 - a, 1 + a, 1 + 3 * a, -1, -1, 3, 3}));
}

TEST_CASE("rows of awkward length are normalised as they are defined") {
  for (const std::int64_t length : {1, 7, 8, 63, 64, 65, 72, 1000, 4096}) {
    INFO(length);
    check_kernel(layer({9, length}), normalized);
    check_kernel(layer({9, length}, -1, false), normalized);
    check_kernel(rms({9, length}), normalized);
    check_gpu_kernel(layer({9, length}), normalized);
    check_gpu_kernel(rms({9, length}), normalized);
  }
}

TEST_CASE("LayerNormalization starts at any axis and gives its statistics") {
  for (const std::int64_t axis : {0, 1, 2, 3, -1, -4}) {
    INFO(axis);
    check_kernel(layer({2, 3, 5, 8}, axis, true, 3), normalized);
    check_kernel(layer({2, 3, 4, 7}, axis, true, 3), normalized);
  }
}

TEST_CASE("factors that broadcast are expanded") {
  auto given = layer({2, 3, 4, 8}, 2);
  for (const shape& dims :
       {shape{8}, shape{4, 1}, shape{1}, shape{}, shape{1, 1, 4, 8}, shape{3, 1, 8}, shape{2, 1, 1, 1}}) {
    INFO(dims.to_string());
    given.inputs[1] = random_tensor(dims, 4, 0.5f, 1.5f);
    check_kernel(given, normalized);
    auto root = rms({2, 3, 4, 8}, 2);
    root.inputs[1] = given.inputs[1];
    check_kernel(root, normalized);
  }
}

TEST_CASE("channels and groups are normalised as they are defined") {
  for (const shape& dims :
       {shape{2, 6, 5, 7}, shape{2, 6, 4, 4}, shape{1, 12, 64}, shape{3, 6}, shape{1, 6, 2, 3, 4}}) {
    INFO(dims.to_string());
    if (dims.rank() > 2) check_kernel(channels("InstanceNormalization", dims, 0, 6), normalized);
    for (const std::int64_t groups : {1, 2, 3, 6}) {
      // Of two values or one, rounding decides the sign; more are asked for.
      if (dims.elements(1, dims.rank()) / groups < 3) continue;
      check_kernel(channels("GroupNormalization", dims, groups, 18), normalized);
      check_kernel(channels("GroupNormalization", dims, groups, 21), normalized);
    }
  }
  check_gpu_kernel(channels("InstanceNormalization", {2, 6, 8, 8}, 0, 6), normalized);
}

TEST_CASE("a large mean costs no digits of the spread") {
  kernel_case given = layer({3, 4000});
  for (float& value : given.inputs[0].as_mutable<float>()) value = value * 64 + 1024;
  given.inputs[0] = need(convert(need(convert(given.inputs[0], dtype::f16)), dtype::f32));
  check_kernel(given, normalized);
}

TEST_CASE("very long rows are normalised by a workgroup") {
  check_kernel(layer({2, 200001}), normalized);
  check_kernel(channels("InstanceNormalization", {1, 2, 1280, 1024}, 0, 6), normalized);
}

TEST_CASE("a row has the same bits alone and among others when it is normalised") {
  check_batch_invariance(layer({5, 129}));
  check_batch_invariance(layer({5, 256}));
  check_batch_invariance(rms({5, 4096}));
  check_batch_invariance(channels("GroupNormalization", {5, 8, 3, 3}, 4, 21));
}

TEST_CASE("normalisations refuse what does not fit") {
  auto wrong_axis = layer({2, 3});
  wrong_axis.attributes["axis"] = std::int64_t{2};
  CHECK(refused(wrong_axis, "axis 2 is outside"));
  auto larger = layer({2, 3});
  larger.inputs[1] = random_tensor({4, 2, 3}, 1);
  CHECK(refused(larger, "does not broadcast"));
  auto integers = layer({2, 3});
  integers.inputs[0] = need(convert(integers.inputs[0], dtype::i32));
  CHECK(refused(integers, "int32"));
  auto stash = layer({2, 3});
  stash.attributes["stash_type"] = std::int64_t{16};
  CHECK(refused(stash, "stash_type"));
  auto no_divisor = channels("GroupNormalization", {2, 6, 4}, 4, 21);
  CHECK(refused(no_divisor, "num_groups"));
  auto none = channels("GroupNormalization", {2, 6, 4}, 0, 21);
  CHECK(refused(none, "num_groups"));
  auto short_scale = channels("InstanceNormalization", {2, 6, 4}, 0, 6);
  short_scale.inputs[1] = random_tensor({5}, 1);
  CHECK(refused(short_scale, "operand 1"));
  auto flat = channels("InstanceNormalization", {2, 6, 4}, 0, 6);
  flat.inputs[0] = random_tensor({6}, 1);
  CHECK(refused(flat, "no channels"));
}
