// ConvTranspose. Bounds: as for sums of products; the products are rounded to the storage type before they are added
// up.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

using list = std::vector<std::int64_t>;

namespace {

constexpr bound added_products{2.5e-3, 2e-3};

kernel_case transposed(const shape& input, const shape& weights,
                       std::map<std::string, attribute, std::less<>> attributes = {}, bool has_bias = true) {
  const auto group = attributes.find("group");
  const std::int64_t groups = group == attributes.end() ? 1 : std::get<std::int64_t>(group->second);
  kernel_case made{.op = "ConvTranspose",
                   .inputs = {random_tensor(input, 1), random_tensor(weights, 2)},
                   .attributes = std::move(attributes),
                   .version = 11};
  if (has_bias) made.inputs.push_back(random_tensor({weights[1] * groups}, 3));
  return made;
}

}  // namespace

TEST_CASE("a ConvTranspose of a small image is what a hand computes") {
  const tensor x = tensor_of({1, 1, 2}, {1, 2});
  const tensor w = tensor_of({1, 1, 3}, {1, 10, 100});
  const auto given = [&](std::map<std::string, attribute, std::less<>> attributes) {
    return kernel_case{.op = "ConvTranspose", .inputs = {x, w}, .attributes = std::move(attributes), .version = 11};
  };
  check_reference(given({}), tensor_of({1, 1, 4}, {1, 12, 120, 200}));
  check_reference(given({{"strides", list{2}}}), tensor_of({1, 1, 5}, {1, 10, 102, 20, 200}));
  check_reference(given({{"strides", list{2}}, {"pads", list{1, 0}}}), tensor_of({1, 1, 4}, {10, 102, 20, 200}));
  check_reference(given({{"strides", list{3}}, {"output_padding", list{1}}}),
                  tensor_of({1, 1, 7}, {1, 10, 100, 2, 20, 200, 0}));
  check_reference(given({{"dilations", list{2}}}), tensor_of({1, 1, 6}, {1, 2, 10, 20, 100, 200}));
  check_reference(given({{"strides", list{2}}, {"output_shape", list{6}}}),
                  tensor_of({1, 1, 6}, {1, 10, 102, 20, 200, 0}));
  check_reference(given({{"strides", list{2}}, {"auto_pad", std::string("SAME_UPPER")}}),
                  tensor_of({1, 1, 4}, {1, 10, 102, 20}));
  check_reference(given({{"strides", list{2}}, {"auto_pad", std::string("SAME_LOWER")}}),
                  tensor_of({1, 1, 4}, {10, 102, 20, 200}));
}

TEST_CASE("a ConvTranspose equals its definition in every form") {
  check_kernel(transposed({2, 5, 7, 9}, {5, 6, 3, 3}), added_products);
  check_kernel(transposed({2, 5, 7, 9}, {5, 6, 3, 3}, {}, false), added_products);
  for (const std::int64_t stride : {1, 2, 3})
    for (const std::int64_t dilation : {1, 2})
      check_kernel(
          transposed({1, 8, 5, 6}, {8, 16, 4, 2},
                     {{"strides", list{stride, 2}}, {"dilations", list{dilation, 1}}, {"pads", list{1, 0, 2, 1}}}),
          added_products);
  check_kernel(transposed({2, 6, 4, 5}, {6, 3, 2, 2}, {{"group", std::int64_t{3}}, {"strides", list{2, 2}}}),
               added_products);
  check_kernel(transposed({2, 4, 4, 5}, {4, 1, 3, 3}, {{"group", std::int64_t{4}}, {"output_padding", list{1, 0}}}),
               added_products);
  check_kernel(transposed({2, 3, 65}, {3, 5, 7}, {{"strides", list{4}}, {"pads", list{3, 2}}}), added_products);
  check_kernel(transposed({1, 3, 3, 4, 5}, {3, 2, 2, 3, 2}, {{"strides", list{2, 1, 2}}}), added_products);
}

TEST_CASE("a ConvTranspose whose products do not fit one binding adds them up as it goes") {
  // 16 products at each of 2048 x 2100 positions: 138 MB of binary16.
  check_kernel(transposed({1, 1, 2048, 2100}, {1, 1, 4, 4}), added_products);
}

TEST_CASE("an image has the same bits alone and among others in a ConvTranspose") {
  check_batch_invariance(transposed({4, 5, 7, 9}, {5, 6, 3, 3}, {{"strides", list{2, 2}}}));
}

TEST_CASE("a ConvTranspose refuses what does not fit") {
  CHECK(refused(transposed({1, 4, 5}, {3, 2, 3}), "do not fit"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3, 3}), "spatial"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3}, {{"group", std::int64_t{3}}}, false), "3 groups"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3}, {{"strides", list{0}}}), "strides"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3}, {{"pads", list{9, 9}}}), "leaves"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3}, {{"auto_pad", std::string("ALL")}}), "auto_pad"));
  CHECK(refused(transposed({1, 4, 5}, {4, 2, 3}, {{"kernel_shape", list{2}}}), "contradicts"));
  auto bias = transposed({1, 4, 5}, {4, 2, 3});
  bias.inputs[2] = random_tensor({3}, 1);
  CHECK(refused(bias, "bias"));
}
