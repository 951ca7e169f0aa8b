// Einsum. Bounds: as for sums of products; between three operands and more the products of two are rounded once more.
#include "support/kernel_properties.hpp"
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

kernel_case einsum(const std::string& equation, std::vector<tensor> operands) {
  return {.op = "Einsum", .inputs = std::move(operands), .attributes = {{"equation", equation}}, .version = 12};
}

kernel_case random_einsum(const std::string& equation, const std::vector<shape>& dims) {
  std::vector<tensor> operands;
  for (const shape& each : dims) operands.push_back(random_tensor(each, operands.size() + 1));
  return einsum(equation, operands);
}

const tensor square = tensor_of<float>({2, 2}, {1, 2, 3, 4});

}  // namespace

TEST_CASE("equations mean what a hand computes") {
  check_value(einsum("ij->ji", {square}), tensor_of<float>({2, 2}, {1, 3, 2, 4}));
  check_value(einsum("ij->i", {square}), tensor_of<float>({2}, {3, 7}));
  check_value(einsum("ij->", {square}), scalar_of(10.0f));
  check_value(einsum("ii->i", {square}), tensor_of<float>({2}, {1, 4}));
  check_value(einsum("ii", {square}), scalar_of(5.0f));
  check_value(einsum("ba", {square}), tensor_of<float>({2, 2}, {1, 3, 2, 4}));
  check_value(einsum(" ij , jk -> ik ", {square, square}), tensor_of<float>({2, 2}, {7, 10, 15, 22}));
  check_value(einsum("ij,jk", {square, square}), tensor_of<float>({2, 2}, {7, 10, 15, 22}));
  check_value(einsum("i,j->ij", {tensor_of<float>({2}, {1, 2}), tensor_of<float>({2}, {3, 5})}),
              tensor_of<float>({2, 2}, {3, 5, 6, 10}));
  check_value(einsum("...i,...i->...", {square, tensor_of<float>({2}, {1, 10})}), tensor_of<float>({2}, {21, 43}));
  check_value(einsum("ij,kl->il", {square, square}), tensor_of<float>({2, 2}, {12, 18, 28, 42}));
  check_value(
      einsum("i,i,i->i", {tensor_of<float>({2}, {1, 2}), tensor_of<float>({2}, {3, 4}), tensor_of<float>({2}, {5, 6})}),
      tensor_of<float>({2}, {15, 48}));
  check_value(
      einsum("ij,j->i", {tensor_of<std::int32_t>({1, 2}, {2000000000, 1}), tensor_of<std::int32_t>({2}, {2, 3})}),
      tensor_of<std::int32_t>({1}, {-294967293}));
}

TEST_CASE("devices sum products like the definition", "[device]") {
  check_kernel(random_einsum("ij->ji", {{5, 9}}), exact);
  check_kernel(random_einsum("bij->bj", {{3, 5, 8}}), rounded_products);
  check_kernel(random_einsum("iij->ij", {{5, 5, 3}}), exact);
  check_kernel(random_einsum("ij,jk->ik", {{9, 16}, {16, 7}}), rounded_products);
  check_kernel(random_einsum("ij,kj->ki", {{9, 16}, {7, 16}}), rounded_products);
  check_kernel(random_einsum("bhid,bhjd->bhij", {{2, 3, 9, 8}, {2, 3, 5, 8}}), rounded_products);
  check_kernel(random_einsum("bhij,bjhd->bihd", {{2, 3, 9, 5}, {2, 5, 3, 8}}), rounded_products);
  check_kernel(random_einsum("bihd,bjhd->bhij", {{2, 9, 3, 8}, {2, 5, 3, 8}}), rounded_products);
  check_kernel(random_einsum("...ij,...jk->...ik", {{2, 1, 5, 6}, {3, 6, 4}}), rounded_products);
  check_kernel(random_einsum("ij,jk,kl->il", {{5, 6}, {6, 7}, {7, 8}}), {4e-3, 4e-3});
  check_kernel(random_einsum("ij,kl->il", {{5, 6}, {7, 8}}), {4e-3, 4e-3});
  check_kernel(random_einsum("i,j->ij", {{5}, {6}}), rounded_products);
  check_kernel(random_einsum("abc,cd,be->ade", {{2, 3, 4}, {4, 5}, {3, 6}}), {4e-3, 4e-3});
  check_kernel(random_einsum("ii,ij->j", {{6, 6}, {6, 5}}), rounded_products);
}

TEST_CASE("equations that do not fit their operands are refused") {
  const auto says = [](const kernel_case& given, const std::string& fragment) {
    const std::string text = refusal(given).message();
    INFO(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  says(einsum("", {square}), "no equation");
  says(einsum("ij,jk->ik", {square}), "more terms");
  says(einsum("ij->ij", {square, square}), "1 terms");
  says(einsum("ijk->ik", {square}), "names 3 axes");
  says(einsum("i->i", {square}), "names 1 axes");
  says(einsum("i1->i", {square}), "letters");
  says(einsum("...i...->i", {square}), "letters");
  says(einsum("ij->ik", {square}), "axis k");
  says(einsum("ij->ii", {square}), "axis i");
  says(einsum("ij,jk->ik", {square, tensor_of<float>({3, 1}, {1, 2, 3})}), "3 elements where others have 2");
  says(einsum("i->i", {tensor_of<bool>({1}, {true})}), "bool");
}
