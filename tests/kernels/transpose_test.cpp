// Data only moves: results are exact.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case transpose(const tensor& data, std::vector<std::int64_t> order) {
  return {.op = "Transpose", .inputs = {data}, .attributes = {{"perm", std::move(order)}}};
}

}  // namespace

TEST_CASE("Transpose has the values of the definition") {
  const tensor data = counting({2, 3});
  const tensor turned = tensor_of<float>({3, 2}, {0, 3, 1, 4, 2, 5});
  check_value({.op = "Transpose", .inputs = {data}}, turned);
  check_value(transpose(data, {1, 0}), turned);
  check_value(transpose(data, {0, 1}), data);
  check_value(transpose(counting({2, 2, 2}), {1, 2, 0}), tensor_of<float>({2, 2, 2}, {0, 4, 1, 5, 2, 6, 3, 7}));
  check_value({.op = "Transpose", .inputs = {scalar_of(5.0f)}}, scalar_of(5.0f));
}

TEST_CASE("Transpose moves every type") {
  for (const dtype type : all_types) {
    const tensor want = need(convert(tensor_of<float>({3, 2}, {0, 3, 1, 4, 2, 5}), dtype::i64));
    const bool flags = type == dtype::boolean;
    check_value({.op = "Transpose", .inputs = {counting({2, 3}, type)}},
                flags ? tensor_of<bool>({3, 2}, {false, true, true, false, false, true}) : need(convert(want, type)));
  }
}

TEST_CASE("Transpose permutes tensors of every rank", "[device]") {
  const std::pair<shape, std::vector<std::int64_t>> cases[] = {
      {{65}, {0}},
      {{13, 7}, {1, 0}},
      {{5, 1, 7}, {2, 1, 0}},
      {{2, 17, 3, 5}, {0, 2, 3, 1}},
      {{2, 3, 5, 17}, {0, 3, 1, 2}},
      {{2, 4, 3, 5, 2}, {0, 2, 1, 3, 4}},
      {{2, 3, 2, 3, 2, 3}, {5, 3, 1, 4, 2, 0}},
      {{2, 3, 2, 1, 2, 3, 2, 2}, {7, 2, 5, 3, 0, 6, 1, 4}},
      {{4, 0, 3}, {2, 0, 1}},
      {{3, 5, 16}, {1, 0, 2}},  // rows of whole blocks of eight
      {{2, 3, 5, 8}, {2, 0, 1, 3}},
  };
  for (const auto& [dims, order] : cases) check_kernel(transpose(random_halves(dims, 21), order), exact);
}

TEST_CASE("Transpose refuses what is not a permutation") {
  const tensor data = counting({2, 3});
  for (const std::vector<std::int64_t>& order : {std::vector<std::int64_t>{0}, {0, 0}, {0, 2}, {-1, 0}, {0, 1, 2}})
    CHECK(refusal(transpose(data, order)).code() == errc::invalid_argument);
}
