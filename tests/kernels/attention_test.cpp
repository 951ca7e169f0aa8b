// Attention. Bounds: scores are sums of rounded products that exp() turns into relative errors, as for Softmax; the
// result is an average of values that are rounded once.
#include <cmath>

#include "support/gpu_lowering.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound attended{4e-3, 4e-3};
using attributes = std::map<std::string, attribute, std::less<>>;

struct sizes {
  std::int64_t batch, heads, kv_heads, queries, keys, size, value_size;
};

kernel_case attention(const sizes& s, attributes given = {}) {
  return {.op = "Attention",
          .inputs = {random_tensor({s.batch, s.heads, s.queries, s.size}, 1),
                     random_tensor({s.batch, s.kv_heads, s.keys, s.size}, 2),
                     random_tensor({s.batch, s.kv_heads, s.keys, s.value_size}, 3)},
          .attributes = std::move(given),
          .version = 23};
}

void check_both(const kernel_case& given) {
  check_kernel(given, attended);
  check_gpu_kernel(given, attended);
}

tensor bool_tensor(const shape& dims, std::uint64_t seed) {
  const tensor random = random_tensor(dims, seed);
  tensor made = need(tensor::make(dtype::boolean, dims));
  for (std::size_t i = 0; i < made.elements(); ++i) made.as_mutable<bool>()[i] = random.as<float>()[i] > -0.5f;
  return made;
}

}  // namespace

TEST_CASE("Attention of two keys is what a hand computes") {
  // Scores ln 3 and 0: weights 3/4 and 1/4.
  const float log3 = std::log(3.0f);
  kernel_case given{.op = "Attention",
                    .inputs = {tensor_of<float>({1, 1, 1, 1}, {1}), tensor_of<float>({1, 1, 2, 1}, {log3, 0}),
                               tensor_of<float>({1, 1, 2, 2}, {4, 8, 0, 16})},
                    .version = 23};
  const auto check = [&](const std::vector<float>& want) {
    const auto got = need(evaluate(given)).at(0);
    CHECK(compare(got, need(tensor::from<float>({1, 1, 1, 2}, want)), {1e-5, 1e-5}) == "");
  };
  check({3, 10});
  given.attributes["is_causal"] = std::int64_t{1};  // the first query sees the first key only
  check({4, 8});
  given.attributes.clear();
  given.inputs.push_back(tensor_of<float>({1, 2}, {-log3, 0}));
  check({2, 12});
  given.inputs[3] = tensor_of<bool>({1, 2}, {false, true});
  check({0, 16});
  given.inputs[3] = tensor_of<bool>({1, 2}, {false, false});  // a query that sees nothing has zeros
  check({0, 0});
  given.inputs.resize(3);
  given.attributes["scale"] = 2.0f;  // weights 9/10 and 1/10
  check({3.6f, 8.8f});
  given.attributes["scale"] = 1000.0f;
  given.attributes["softcap"] = log3;
  check({3, 10});
}

TEST_CASE("Attention equals its definition for all kinds of sizes", "[device]") {
  check_both(attention({2, 3, 3, 7, 9, 8, 8}));
  check_both(attention({1, 4, 2, 8, 16, 64, 64}));
  check_both(attention({1, 6, 2, 17, 33, 32, 128}));
  check_both(attention({1, 2, 1, 5, 100, 80, 200}));
  check_both(attention({2, 3, 1, 5, 6, 5, 7}));
  check_both(attention({1, 1, 1, 1, 1, 1, 1}));
  check_both(attention({1, 1, 1, 3, 70, 16, 600}));
}

TEST_CASE("Attention takes heads side by side in one axis", "[device]") {
  for (const std::int64_t size : {8, 5}) {
    kernel_case given{.op = "Attention",
                      .inputs = {random_tensor({2, 9, 4 * size}, 1), random_tensor({2, 11, 2 * size}, 2),
                                 random_tensor({2, 11, 2 * size}, 3)},
                      .attributes = {{"q_num_heads", std::int64_t{4}}, {"kv_num_heads", std::int64_t{2}}},
                      .version = 23};
    check_both(given);
  }
}

TEST_CASE("masks hide keys in every form", "[device]") {
  for (const std::int64_t size : {16, 7}) {
    auto given = attention({2, 4, 2, 9, 13, size, size});
    given.inputs.emplace_back();
    for (const shape& dims : {shape{2, 4, 9, 13}, shape{9, 13}, shape{2, 1, 1, 13}, shape{4, 1, 13}, shape{9, 1}}) {
      INFO(dims.to_string());
      given.inputs[3] = random_tensor(dims, 5, -3, 1);
      check_kernel(given, attended);
      given.inputs[3] = bool_tensor(dims, 6);
      check_kernel(given, attended);
    }
    check_gpu_kernel(given, attended);
    given.attributes["is_causal"] = std::int64_t{1};
    given.attributes["softcap"] = 0.5f;
    given.attributes["scale"] = 0.7f;
    check_both(given);
  }
  check_both(attention({1, 2, 2, 40, 40, 8, 8}, {{"is_causal", std::int64_t{1}}}));
  check_both(attention({1, 2, 2, 5, 21, 8, 8}, {{"is_causal", std::int64_t{1}}}));
}

TEST_CASE("past keys and values come before the new ones, and go on", "[device]") {
  for (const std::int64_t outputs : {1, 3}) {
    auto given = attention({2, 4, 2, 3, 5, 8, 16}, {{"is_causal", std::int64_t{1}}});
    given.inputs.emplace_back();
    given.inputs.push_back(random_tensor({2, 2, 6, 8}, 7));
    given.inputs.push_back(random_tensor({2, 2, 6, 16}, 8));
    given.outputs = static_cast<std::size_t>(outputs);
    check_kernel(given, attended);
  }
  auto fresh = attention({2, 4, 2, 3, 5, 8, 16});
  fresh.outputs = 3;
  check_kernel(fresh, attended);
}

TEST_CASE("scores are given out in every form", "[device]") {
  for (const std::int64_t mode : {0, 1, 2, 3}) {
    INFO(mode);
    auto given = attention({2, 4, 2, 9, 70, 8, 8}, {{"qk_matmul_output_mode", mode}, {"softcap", 0.6f}});
    given.inputs.push_back(random_tensor({9, 70}, 5));
    given.outputs = 4;
    check_kernel(given, attended);
  }
}

TEST_CASE("since opset 24 images may have keys that are padding", "[device]") {
  auto given = attention({3, 2, 2, 4, 12, 8, 8});
  given.version = 24;
  given.inputs.resize(6);
  given.inputs.push_back(tensor_of<std::int64_t>({3}, {12, 1, 7}));
  check_both(given);
  given.inputs[3] = bool_tensor({4, 10}, 3);  // a mask of fewer keys hides the others
  check_both(given);
}

TEST_CASE("an image has the same bits alone and among others in an Attention", "[device]") {
  const auto all = attention({3, 2, 2, 9, 13, 16, 16});
  const auto together = run_on("", all, dtype::f16).at(0);
  for (std::int64_t image = 0; image < 3; ++image) {
    auto alone = all;
    for (tensor& operand : alone.inputs) operand = need(operand.rows(image, 1));
    CHECK(bitwise_equal(run_on("", alone, dtype::f16).at(0), need(together.rows(image, 1))));
  }
}

TEST_CASE("Attention refuses what does not fit") {
  const auto says = [](const kernel_case& given, const std::string& fragment) {
    const std::string text = refusal(given).message();
    INFO(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  says(attention({1, 3, 2, 4, 5, 8, 8}), "do not fit");
  auto sizes_differ = attention({1, 2, 2, 4, 5, 8, 8});
  sizes_differ.inputs[1] = random_tensor({1, 2, 5, 9}, 1);
  says(sizes_differ, "do not fit");
  auto flat = attention({1, 2, 2, 4, 5, 8, 8});
  flat.inputs[0] = random_tensor({1, 4, 16}, 1);
  says(flat, "q_num_heads");
  auto half_past = attention({1, 2, 2, 4, 5, 8, 8});
  half_past.inputs.resize(4);
  half_past.inputs.push_back(random_tensor({1, 2, 3, 8}, 1));
  says(half_past, "not both");
  auto mask = attention({1, 2, 2, 4, 5, 8, 8});
  mask.inputs.push_back(random_tensor({3, 5}, 1));
  says(mask, "does not broadcast");
  mask.inputs[3] = counting({4, 5}, dtype::i64);
  says(mask, "int64");
  says(attention({1, 2, 2, 4, 5, 8, 8}, {{"qk_matmul_output_mode", std::int64_t{4}}}), "0 to 3");
  says(attention({1, 2, 2, 4, 5, 8, 8}, {{"softcap", -1.0f}}), "softcap");
}
