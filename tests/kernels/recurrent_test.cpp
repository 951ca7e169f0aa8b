// RNN, LSTM and GRU. Bounds: the products of the inputs are rounded to the storage type once and the weights are
// rounded; the states stay fp32. Weights are small, so that a step does not enlarge what the one before it was off by.
#include <cmath>

#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound recurred{4e-3, 4e-3};
using attributes = std::map<std::string, attribute, std::less<>>;
using texts = std::vector<std::string>;

/// One unit, one input, the steps 1 and 2.
kernel_case one_unit(const std::string& op, const std::vector<float>& w, const std::vector<float>& r,
                     attributes given = {}) {
  const auto gates = static_cast<std::int64_t>(w.size());
  given["activations"] = texts(op == "RNN" ? 1 : op == "GRU" ? 2 : 3, "Affine");
  given["hidden_size"] = std::int64_t{1};
  return {.op = op,
          .inputs = {tensor_of<float>({2, 1, 1}, {1, 2}), need(tensor::from<float>({1, gates, 1}, w)),
                     need(tensor::from<float>({1, gates, 1}, r))},
          .attributes = given,
          .version = 14};
}

tensor steps_of(float first, float second) {
  return tensor_of<float>({2, 1, 1, 1}, {first, second});
}

struct sizes {
  std::int64_t steps, batch, inputs, hidden;
};

/// Every operand there is.
kernel_case recurrent(const std::string& op, const sizes& given, const std::string& direction, bool batch_first,
                      attributes more = {}) {
  const std::int64_t gates = op == "RNN" ? 1 : op == "GRU" ? 3 : 4;
  const std::int64_t d = direction == "bidirectional" ? 2 : 1;
  const float size = 1 / std::sqrt(static_cast<float>(given.hidden));
  const std::int64_t rows = gates * given.hidden;
  const shape x =
      batch_first ? shape{given.batch, given.steps, given.inputs} : shape{given.steps, given.batch, given.inputs};
  const shape state = batch_first ? shape{given.batch, d, given.hidden} : shape{d, given.batch, given.hidden};
  tensor lengths = need(tensor::make(dtype::i32, {given.batch}));
  for (std::int64_t i = 0; i < given.batch; ++i)
    lengths.as_mutable<std::int32_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::int32_t>(given.steps - (i * 2) % (given.steps + 1));
  more["direction"] = direction;
  more["layout"] = std::int64_t{batch_first};
  more["hidden_size"] = given.hidden;
  kernel_case made{.op = op,
                   .inputs = {random_tensor(x, 1), random_tensor({d, rows, given.inputs}, 2, -size, size),
                              random_tensor({d, rows, given.hidden}, 3, -size, size),
                              random_tensor({d, 2 * rows}, 4, -0.5f, 0.5f), lengths, random_tensor(state, 5)},
                   .attributes = std::move(more),
                   .version = 14,
                   .outputs = op == "LSTM" ? 3u : 2u,
                   .constants = {1, 2, 3}};
  if (op == "LSTM") {
    made.inputs.push_back(random_tensor(state, 6));
    made.inputs.push_back(random_tensor({d, 3 * given.hidden}, 7, -0.5f, 0.5f));
  }
  return made;
}

const texts cells{"RNN", "LSTM", "GRU"};

}  // namespace

TEST_CASE("an RNN of one unit is what a hand computes, forwards and backwards") {
  check_value(one_unit("RNN", {0.5f}, {1}), steps_of(0.5f, 1.5f));
  check_value(one_unit("RNN", {0.5f}, {1}, {{"direction", std::string("reverse")}}), steps_of(1.5f, 1));
  check_value(one_unit("RNN", {0.5f}, {1}, {{"clip", 0.75f}}), steps_of(0.5f, 0.75f));
}

TEST_CASE("an LSTM of one unit is what a hand computes, with peepholes and without") {
  check_value(one_unit("LSTM", {1, 1, 1, 1}, {0, 0, 0, 0}), steps_of(1, 12));
  check_value(one_unit("LSTM", {1, 1, 1, 1}, {0, 0, 0, 0}, {{"input_forget", std::int64_t{1}}}), steps_of(1, 6));
  auto peeping = one_unit("LSTM", {1, 1, 1, 1}, {0, 0, 0, 0});
  peeping.inputs.resize(7);
  peeping.inputs.push_back(tensor_of<float>({1, 3}, {1, 0, 0}));
  check_value(peeping, steps_of(1, 16));
}

TEST_CASE("a GRU of one unit is what a hand computes, in both orders of reset and product") {
  auto given = one_unit("GRU", {0.25f, 1, 1}, {0, 0, 1});
  check_value(given, steps_of(0.75f, 2.125f));
  given.inputs.push_back(tensor_of<float>({1, 6}, {0, 0, 0, 0, 0, 1}));
  check_value(given, steps_of(1.5f, 3.75f));
  given.attributes["linear_before_reset"] = std::int64_t{1};
  check_value(given, steps_of(1.5f, 4.25f));
}

TEST_CASE("rows end with their sequences, and backwards begins at their ends") {
  auto given = one_unit("RNN", {1}, {1}, {{"direction", std::string("bidirectional")}});
  given.attributes["activations"] = texts{"Affine", "Affine"};
  given.outputs = 2;
  given.inputs = {tensor_of<float>({3, 2, 1}, {1, 10, 2, 20, 3, 30}), tensor_of<float>({2, 1, 1}, {1, 1}),
                  tensor_of<float>({2, 1, 1}, {1, 1}), tensor(), tensor_of<std::int32_t>({2}, {2, 3})};
  const auto got = need(evaluate(given));
  CHECK(bitwise_equal(got.at(0), tensor_of<float>({3, 2, 2, 1}, {1, 10, 3, 60, 3, 30, 2, 50, 0, 60, 0, 30})));
  CHECK(bitwise_equal(got.at(1), tensor_of<float>({2, 2, 1}, {3, 60, 3, 60})));
}

TEST_CASE("devices run recurrent layers like the definition", "[device]") {
  for (const std::string& op : cells)
    for (const char* direction : {"forward", "reverse", "bidirectional"})
      for (const bool batch_first : {false, true}) {
        INFO(op << ", " << direction << ", layout " << batch_first);
        check_kernel(recurrent(op, {6, 3, 5, 8}, direction, batch_first), recurred);
        check_kernel(recurrent(op, {3, 4, 7, 5}, direction, batch_first), recurred);
      }
  check_kernel(recurrent("GRU", {5, 3, 4, 16}, "bidirectional", false, {{"linear_before_reset", std::int64_t{1}}}),
               recurred);
  check_kernel(recurrent("LSTM", {5, 3, 4, 16}, "forward", false, {{"input_forget", std::int64_t{1}}, {"clip", 0.4f}}),
               recurred);
  for (const std::string& op : cells) check_kernel(recurrent(op, {4, 2, 3, 65}, "bidirectional", false), recurred);
}

TEST_CASE("optional operands and outputs of a recurrent layer may be left out", "[device]") {
  for (const std::string& op : cells) {
    auto given = recurrent(op, {4, 2, 3, 8}, "bidirectional", false);
    given.inputs.resize(3);
    given.constants = {1, 2};
    check_kernel(given, recurred);
    given.inputs[1] = random_tensor(given.inputs[1].dims(), 8, -0.5f, 0.5f);
    given.constants.clear();
    check_kernel(given, recurred);
    given.outputs = 1;
    check_kernel(given, recurred);
  }
}

TEST_CASE("every function can be a gate's", "[device]") {
  for (const char* name : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                           "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    INFO(name);
    auto given = recurrent("RNN", {3, 2, 3, 8}, "forward", false, {{"activations", texts{name}}});
    given.attributes["activation_alpha"] = std::vector<float>{0.5f};
    given.attributes["activation_beta"] = std::vector<float>{0.25f};
    // ThresholdedRelu jumps where rounding may fall on either side; weights that binary16 holds leave it no choice.
    for (const std::size_t i : given.constants) given.inputs[i] = random_halves(given.inputs[i].dims(), i);
    given.inputs[0] = random_halves(given.inputs[0].dims(), 9);
    check_kernel(given, {1e-2, 1e-2});
  }
  // Names count in any case; numbers go to those functions that take one.
  auto mixed = recurrent("LSTM", {3, 2, 3, 8}, "bidirectional", false,
                         {{"activations", texts{"sigmoid", "TANH", "Affine", "HardSigmoid", "LeakyRelu", "Tanh"}}});
  mixed.attributes["activation_alpha"] = std::vector<float>{0.9f, 0.3f, 0.2f};
  mixed.attributes["activation_beta"] = std::vector<float>{0.1f, 0.4f};
  check_kernel(mixed, recurred);
}

TEST_CASE("a sequence of thousands of steps runs to its end", "[device]") {
  auto given = recurrent("GRU", {2500, 1, 4, 8}, "bidirectional", false);
  given.inputs[4] = tensor();
  check_kernel(given, recurred);
}

TEST_CASE("a row of a recurrent layer has the same bits alone and among others", "[device]") {
  auto all = recurrent("LSTM", {4, 3, 5, 8}, "bidirectional", true);
  all.outputs = 1;
  const auto together = run_on("", all, dtype::f16).at(0);
  for (std::int64_t row = 0; row < 3; ++row) {
    auto alone = all;
    for (const std::size_t i : {std::size_t{0}, std::size_t{4}, std::size_t{5}, std::size_t{6}})
      alone.inputs[i] = need(all.inputs[i].rows(row, 1));
    CHECK(bitwise_equal(run_on("", alone, dtype::f16).at(0), need(together.rows(row, 1))));
  }
}

TEST_CASE("recurrent layers refuse what does not fit") {
  const auto says = [](const kernel_case& given, const std::string& fragment) {
    const std::string text = refusal(given).message();
    INFO(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  const auto good = recurrent("LSTM", {4, 2, 3, 8}, "forward", false);
  for (const std::size_t i : {1u, 2u, 3u, 5u, 6u, 7u}) {
    auto given = good;
    given.inputs[i] = random_tensor(i < 3 ? shape{1, 31, 8} : shape{1, 7}, 1);
    says(given, "needed");
  }
  auto rank = good;
  rank.inputs[0] = random_tensor({4, 3}, 1);
  says(rank, "three axes");
  auto lengths = good;
  lengths.inputs[4] = tensor_of<std::int32_t>({2}, {5, 1});
  says(lengths, "a sequence of 5 steps");
  const auto attribute_says = [&](const std::string& key, attribute value, const std::string& fragment) {
    auto given = good;
    given.attributes[key] = std::move(value);
    says(given, fragment);
  };
  attribute_says("direction", std::string("sideways"), "sideways");
  attribute_says("layout", std::int64_t{2}, "layout");
  attribute_says("hidden_size", std::int64_t{9}, "hidden_size");
  attribute_says("clip", -1.0f, "clip");
  attribute_says("activations", texts{"Tanh"}, "3 names");
  attribute_says("activations", texts{"Tanh", "Best", "Tanh"}, "Best");
}
