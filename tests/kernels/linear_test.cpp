#include "support/linear_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Two rows of Q8_0: the first is 0.5 * 1 at k = 1, the second 2 * -3 at k = 31.
tensor two_rows() {
  tensor made = need(tensor::make(dtype::u8, {2, 34}));
  const auto bytes = made.mutable_bytes();
  bytes[1] = std::byte{0x38}, bytes[2 + 1] = std::byte{1};
  bytes[34 + 1] = std::byte{0x40}, bytes[34 + 2 + 31] = std::byte{0xfd};
  return made;
}

/// x[i, k] = 32 * i + k.
tensor steps(std::int64_t rows) {
  tensor made = need(tensor::make(dtype::f32, {rows, 32}));
  float next = 0;
  for (float& element : made.as_mutable<float>()) element = next++;
  return made;
}

}  // namespace

TEST_CASE("a linear layer multiplies by the rows of its weights, side by side") {
  const tensor floats = need(tensor::make(dtype::u8, {1, 128}));
  auto given = linear_case(steps(2), {}, {{block_format::q8_0, two_rows()}, {block_format::f32, floats}}, 32);
  check_value(given, tensor_of<float>({2, 3}, {0.5f, -186, 0, 16.5f, -378, 0}));
  given.inputs[1] = tensor_of<float>({3}, {1, 2, 3});
  check_value(given, tensor_of<float>({2, 3}, {1.5f, -184, 3, 17.5f, -376, 3}));
  given.attributes["troupe_activation"] = std::string("Relu");
  check_value(given, tensor_of<float>({2, 3}, {1.5f, 0, 3, 17.5f, 0, 3}));
}

TEST_CASE("logits are scaled and bent") {
  auto given = linear_case(steps(1), {}, {{block_format::q8_0, two_rows()}}, 32);
  given.op = "Logits";
  check_value(given, tensor_of<float>({1, 2}, {0.5f, -186}));
  given.inputs[0] = need(convert(steps(1), dtype::f16));
  given.attributes["scale"] = 2.0f;
  check_value(given, tensor_of<float>({1, 2}, {1, -372}));
  given.attributes["softcap"] = 1.0f;
  check_value(given, tensor_of<float>({1, 2}, {static_cast<float>(std::tanh(1.0)), -1}));
}

TEST_CASE("the reference of a linear layer agrees with a product of expanded weights") {
  for (const block_format format : all_block_formats) {
    INFO(to_string(format));
    const tensor weight = random_blocks(format, 3, 256, 5);
    const tensor x = random_tensor({2, 256}, 6);
    const auto got = need(evaluate(linear_case(x, {}, {{format, weight}}, 256)));
    kernel_case product{.op = "Gemm", .inputs = {x, expanded(format, weight, 256)}};
    product.attributes["transB"] = std::int64_t{1};
    CHECK(compare(got[0], need(evaluate(product))[0], {1e-7, 1e-7}) == "");
  }
}

TEST_CASE("weights that are not what a linear layer says are refused") {
  const auto given = linear_case(steps(2), {}, {{block_format::q8_0, two_rows()}}, 32);
  auto changed = given;
  changed.attributes["formats"] = std::vector<std::string>{"IQ1_S"};
  CHECK(refusal(changed).message().find("IQ1_S") != std::string::npos);
  changed.attributes["formats"] = std::vector<std::string>{};
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed.attributes["formats"] = std::vector<std::string>{"Q8_0", "Q8_0"};
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed = given;
  changed.attributes["formats"] = std::vector<std::string>{"Q4_0"};
  CHECK(refusal(changed).message().find("rows of 18 bytes") != std::string::npos);
  for (const std::int64_t inner : {std::int64_t{0}, std::int64_t{-32}, std::int64_t{33}, std::int64_t{64},
                                   std::numeric_limits<std::int64_t>::max()}) {
    changed = given;
    changed.attributes["columns"] = inner;
    CHECK(refusal(changed).code() == errc::invalid_argument);
  }
  changed = given;
  changed.inputs[0] = need(tensor::make(dtype::f32, {2, 64}));
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed.inputs[0] = need(tensor::make(dtype::i32, {2, 32}));
  CHECK(refusal(changed).code() == errc::unsupported);
  changed = given;
  changed.inputs[1] = need(tensor::make(dtype::f32, {3}));
  CHECK(refusal(changed).message().find("bias") != std::string::npos);
  changed = given;
  changed.inputs[2] = need(tensor::make(dtype::i8, {2, 34}));
  CHECK(refusal(changed).message().find("uint8") != std::string::npos);
  changed = given;
  changed.inputs.pop_back();
  CHECK(refusal(changed).code() == errc::invalid_argument);
  changed.inputs.push_back({});
  CHECK(refusal(changed).code() == errc::invalid_argument);
}
