// ExpertRouter and ExpertLinear.
#include <limits>

#include "support/block_weights.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

kernel_case router_case(tensor logits, std::int64_t top, bool normalize = true) {
  return {.op = "ExpertRouter",
          .inputs = {std::move(logits)},
          .attributes = {{"top", top}, {"normalize", std::int64_t{normalize}}},
          .outputs = 2,
          .domain = "troupe"};
}

kernel_case expert_case(tensor x, tensor ids, block_format format, tensor weight, std::int64_t inner,
                        std::int64_t experts) {
  return {.op = "ExpertLinear",
          .inputs = {std::move(x), std::move(ids), std::move(weight)},
          .attributes = {{"formats", std::vector<std::string>{std::string(to_string(format))}},
                         {"columns", inner},
                         {"experts", experts}},
          .constants = {2},
          .domain = "troupe"};
}

}  // namespace

TEST_CASE("a router chooses the largest logits, the lower of equals first") {
  const float log2 = std::log(2.0f);
  auto given = router_case(tensor_of<float>({2, 4}, {0, log2, 0, -infinity, 1, 1, 1, 1}), 2);
  auto got = need(evaluate(given));
  CHECK(bitwise_equal(got[0], tensor_of<float>({2, 2}, {1, 0, 0, 1})));
  CHECK(compare(got[1], tensor_of<float>({2, 2}, {2.0f / 3, 1.0f / 3, 0.5f, 0.5f}), {1e-6, 1e-6}) == "");
  given.attributes["normalize"] = std::int64_t{0};
  given.attributes["scale"] = 2.0f;
  got = need(evaluate(given));
  CHECK(compare(got[1], tensor_of<float>({2, 2}, {1, 0.5f, 0.5f, 0.5f}), {1e-6, 1e-6}) == "");
}

TEST_CASE("a router chooses existing experts whatever the logits are") {
  const auto got = need(evaluate(router_case(
      tensor_of<float>({3, 3}, {nan_value, nan_value, nan_value, nan_value, 1, infinity, infinity, 0, infinity}), 2)));
  CHECK(bitwise_equal(got[0], tensor_of<float>({3, 2}, {0, 1, 2, 1, 0, 2})));
  CHECK(compare(got[1], tensor_of<float>({3, 2}, {0.5f, 0.5f, 1, 0, 0.5f, 0.5f}), exact) == "");
}

TEST_CASE("a router that cannot choose is refused") {
  const tensor logits = random_tensor({2, 4}, 1);
  CHECK(refusal(router_case(logits, 0)).code() == errc::invalid_argument);
  CHECK(refusal(router_case(logits, 5)).message().find("5 of 4") != std::string::npos);
  CHECK(refusal(router_case(random_tensor({4}, 1), 1)).code() == errc::invalid_argument);
  CHECK(refusal(router_case(need(tensor::make(dtype::f32, {1, 4096})), 1)).code() == errc::invalid_argument);
}

TEST_CASE("each slot of a row is multiplied by its expert's weights") {
  // Three experts of two rows; expert e has row j full of 10 * e + j.
  tensor weight = need(tensor::make(dtype::u8, {6, 8}));
  for (std::size_t i = 0; i < 6; ++i) {
    const float values[2] = {static_cast<float>(i / 2 * 10 + i % 2), 0};
    std::memcpy(weight.mutable_bytes().data() + 8 * i, values, 8);
  }
  const tensor ids = tensor_of<float>({2, 2}, {2, 0, 1, 1});
  auto given = expert_case(tensor_of<float>({2, 2}, {1, 5, 2, 5}), ids, block_format::f32, weight, 2, 3);
  check_value(given, tensor_of<float>({2, 2, 2}, {20, 21, 0, 1, 20, 22, 20, 22}));
  given.inputs[0] = tensor_of<float>({2, 2, 2}, {1, 5, 2, 5, 3, 5, 4, 5});
  check_value(given, tensor_of<float>({2, 2, 2}, {20, 21, 0, 2, 30, 33, 40, 44}));
  given.inputs[1] = tensor_of<float>({2, 2}, {7, -infinity, nan_value, 1});
  check_value(given, tensor_of<float>({2, 2, 2}, {20, 21, 0, 2, 0, 3, 40, 44}));
}

TEST_CASE("experts that do not fit their rows are refused") {
  const tensor weight = random_blocks(block_format::q8_0, 6, 32, 1);
  const tensor ids = tensor_of<float>({1, 1}, {0});
  const auto given = expert_case(random_tensor({1, 32}, 1), ids, block_format::q8_0, weight, 32, 3);
  need(evaluate(given));
  auto changed = given;
  changed.attributes["experts"] = std::int64_t{4};
  CHECK(refusal(changed).message().find("4 experts") != std::string::npos);
  changed.attributes["experts"] = std::int64_t{0};
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed = given;
  changed.inputs[0] = random_tensor({1, 2, 32}, 1);
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed.inputs[0] = random_tensor({2, 32}, 1);
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed = given;
  changed.inputs[1] = tensor_of<float>({1}, {0});
  CHECK(refusal(changed).code() == errc::invalid_argument);
}

namespace {

/// In both families and storage types, within `allowed` for binary16.
void check_families(const kernel_case& given, bound allowed, std::size_t graph_inputs) {
  const auto want = run_on("reference", given, dtype::f32);
  for (const kernel_family family : {kernel_family::software, kernel_family::gpu})
    for (const dtype storage : {dtype::f16, dtype::f32}) {
      INFO("kernels " << static_cast<int>(family) << ", storage " << to_string(storage));
      const auto opened = need(open_device("", operators(), {.kernels = family}));
      const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
      const std::vector<tensor> inputs(given.inputs.begin(),
                                       given.inputs.begin() + static_cast<std::ptrdiff_t>(graph_inputs));
      const auto got = need(loaded->run(inputs, steady_clock::now() + std::chrono::minutes(1)));
      for (std::size_t i = 0; i < want.size(); ++i)
        CHECK(compare(got.at(i), want[i], storage == dtype::f16 ? allowed : bound{4e-6, 4e-6}) == "");
    }
}

}  // namespace

TEST_CASE("a router on a device chooses as the reference does", "[device]") {
  // Few distinct values, so that there are equals; ids are exact, weights are rounded to binary16.
  tensor logits = random_halves({65, 60}, 3);
  for (float& value : logits.as_mutable<float>()) value = std::round(16 * value) / 4;
  logits.as_mutable<float>()[7] = nan_value;
  logits.as_mutable<float>()[130] = infinity;
  logits.as_mutable<float>()[190] = -infinity;
  for (const bool normalize : {true, false}) check_families(router_case(logits, 6, normalize), two_roundings, 1);
  check_families(router_case(random_halves({3, 1}, 4), 1), two_roundings, 1);
}

TEST_CASE("experts on a device multiply as the reference does", "[device]") {
  tensor ids = need(tensor::make(dtype::f32, {5, 3}));
  random_source random(9);
  for (float& id : ids.as_mutable<float>()) id = static_cast<float>(random.below(4));
  ids.as_mutable<float>()[4] = nan_value;
  ids.as_mutable<float>()[5] = 60000;
  ids.as_mutable<float>()[6] = -3;
  // 4 experts of 8 and of 77 rows.
  for (const std::int64_t columns : {8, 77})
    for (const block_format format : {block_format::q8_0, block_format::q4_k}) {
      const tensor weight = random_blocks(format, 4 * columns, 256, 5);
      check_families(expert_case(random_halves({5, 256}, 6), ids, format, weight, 256, 4), two_roundings, 2);
      check_families(expert_case(random_halves({5, 3, 256}, 7), ids, format, weight, 256, 4), two_roundings, 2);
    }
}
