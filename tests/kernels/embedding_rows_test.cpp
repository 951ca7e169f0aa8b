#include "support/block_weights.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case embedding_case(tensor ids, tensor table, block_format format, std::int64_t columns) {
  return {.op = "EmbeddingRows",
          .inputs = {std::move(ids), std::move(table)},
          .attributes = {{"format", std::string(to_string(format))}, {"columns", columns}},
          .constants = {1},
          .domain = "troupe"};
}

}  // namespace

TEST_CASE("ids choose rows of a table in a block format") {
  const tensor table = random_blocks(block_format::q4_k, 5, 256, 1);
  const tensor rows = expanded(block_format::q4_k, table, 256);
  auto given = embedding_case(list_of({4, 0, -1}), table, block_format::q4_k, 256);
  const tensor parts[] = {need(rows.rows(4, 1)), need(rows.rows(0, 1)), need(tensor::make(dtype::f32, {1, 256}))};
  check_value(given, need(concat_rows(parts)));
  given.inputs[0] = tensor_of<std::int32_t>({1}, {2});
  given.attributes["scale"] = 2.0f;
  tensor doubled = need(rows.rows(2, 1));
  for (float& value : doubled.as_mutable<float>()) value *= 2;
  check_value(given, doubled);
}

TEST_CASE("ids beyond the table are refused") {
  const tensor table = random_blocks(block_format::q8_0, 5, 32, 1);
  CHECK(refusal(embedding_case(list_of({0, 5}), table, block_format::q8_0, 32)).message().find("id 5") !=
        std::string::npos);
  CHECK(refusal(embedding_case(list_of({0}), table, block_format::q8_0, 64)).code() == errc::invalid_argument);
  CHECK(refusal(embedding_case(list_of({0}), table, block_format::q4_0, 32)).code() == errc::invalid_argument);
  CHECK(refusal(embedding_case(random_tensor({1}, 1), table, block_format::q8_0, 32)).code() == errc::invalid_argument);
}
