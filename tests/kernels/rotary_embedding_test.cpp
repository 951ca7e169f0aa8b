// RotaryEmbedding: two products of rounded operands and one rounding of the result.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

kernel_case turned(const shape& x, std::int64_t batch, std::int64_t positions, std::int64_t half, bool chosen,
                   attributes given = {}) {
  const shape table = chosen ? shape{20, half} : shape{batch, positions, half};
  kernel_case made{.op = "RotaryEmbedding",
                   .inputs = {random_tensor(x, 1), random_tensor(table, 2), random_tensor(table, 3)},
                   .attributes = std::move(given),
                   .version = 23};
  if (!chosen) return made;
  tensor rows = need(tensor::make(dtype::i64, {batch, positions}));
  std::int64_t next = 3;
  for (std::int64_t& row : rows.as_mutable<std::int64_t>()) row = next = (next * 7 + 5) % 20;
  made.inputs.push_back(rows);
  return made;
}

}  // namespace

TEST_CASE("pairs are turned by their angles, half a head apart or side by side") {
  // A quarter turn of the first pair, half a turn of the second.
  kernel_case given{.op = "RotaryEmbedding",
                    .inputs = {tensor_of<float>({1, 1, 1, 5}, {1, 2, 3, 4, 5}), tensor_of<float>({1, 1, 2}, {0, -1}),
                               tensor_of<float>({1, 1, 2}, {1, 0})},
                    .attributes = {{"rotary_embedding_dim", std::int64_t{4}}},
                    .version = 23};
  check_value(given, tensor_of<float>({1, 1, 1, 5}, {-3, -2, 1, -4, 5}));
  given.attributes["interleaved"] = std::int64_t{1};
  check_value(given, tensor_of<float>({1, 1, 1, 5}, {-2, 1, -3, -4, 5}));
}

TEST_CASE("devices turn like the definition", "[device]") {
  for (const std::int64_t interleaved : {0, 1})
    for (const bool chosen : {false, true}) {
      check_kernel(turned({2, 3, 5, 8}, 2, 5, 4, chosen, {{"interleaved", interleaved}}), two_roundings);
      check_kernel(turned({2, 5, 24}, 2, 5, 4, chosen, {{"interleaved", interleaved}, {"num_heads", std::int64_t{3}}}),
                   two_roundings);
      check_kernel(turned({2, 3, 5, 9}, 2, 5, 3, chosen,
                          {{"interleaved", interleaved}, {"rotary_embedding_dim", std::int64_t{6}}}),
                   two_roundings);
    }
}

TEST_CASE("a RotaryEmbedding refuses what does not fit") {
  const auto says = [](const kernel_case& given, const std::string& fragment) {
    const std::string text = refusal(given).message();
    INFO(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  says(turned({2, 5, 24}, 2, 5, 4, false), "num_heads");
  says(turned({2, 3, 5, 7}, 2, 5, 3, false), "an even part");
  says(turned({2, 3, 5, 8}, 2, 4, 4, false), "do not fit");
  says(turned({2, 3, 5, 8}, 2, 5, 3, true), "do not fit");
  auto beyond = turned({2, 3, 5, 8}, 2, 5, 4, true);
  beyond.inputs[3].as_mutable<std::int64_t>()[3] = 20;
  says(beyond, "position 20");
}
