// Resize and Upsample. Bounds: weights sum to 1, so the operand's rounding and the result's are all there is; cubic
// weights are up to 1.4 in sum of sizes.
#include "support/operator_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr bound interpolated{2e-3, 2e-3};
using attributes = std::map<std::string, attribute, std::less<>>;

tensor floats_of(const std::vector<float>& values) {
  return need(tensor::from<float>({static_cast<std::int64_t>(values.size())}, values));
}

kernel_case scaled(const tensor& x, const std::vector<float>& scales, attributes given = {}, int version = 13) {
  return {.op = "Resize",
          .inputs = {x, tensor(), floats_of(scales)},
          .attributes = std::move(given),
          .version = version,
          .constants = {2}};
}

kernel_case sized(const tensor& x, std::initializer_list<std::int64_t> sizes, attributes given = {}, int version = 13) {
  return {.op = "Resize",
          .inputs = {x, tensor(), tensor(), list_of(sizes)},
          .attributes = std::move(given),
          .version = version,
          .constants = {3}};
}

attributes with(std::initializer_list<std::pair<const std::string, std::string>> texts) {
  attributes made;
  for (const auto& [key, text] : texts) made[key] = text;
  return made;
}

tensor row(std::initializer_list<float> values) {
  return tensor_of<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

void check_near(const kernel_case& given, const tensor& want) {
  CHECK(compare(need(evaluate(given)).at(0), want, {1e-5, 1e-5}) == "");
}

}  // namespace

TEST_CASE("the nearest element is chosen by every rule of rounding") {
  const tensor x = row({0, 1, 2, 3});
  // asymmetric, factor 2: places 0, .5, 1, 1.5, ...
  const auto place = [](const std::string& rounding) {
    return with({{"coordinate_transformation_mode", "asymmetric"}, {"nearest_mode", rounding}});
  };
  check_value(scaled(x, {1, 2}, place("round_prefer_floor")), row({0, 0, 1, 1, 2, 2, 3, 3}));
  check_value(scaled(x, {1, 2}, place("round_prefer_ceil")), row({0, 1, 1, 2, 2, 3, 3, 3}));
  check_value(scaled(x, {1, 2}, place("floor")), row({0, 0, 1, 1, 2, 2, 3, 3}));
  check_value(scaled(x, {1, 2}, place("ceil")), row({0, 1, 1, 2, 2, 3, 3, 3}));
  // half_pixel, half as many: places 0.5 and 2.5.
  check_value(scaled(x, {1, 0.5f}), row({0, 2}));
  check_value(scaled(x, {1, 0.5f}, with({{"nearest_mode", "ceil"}})), row({1, 3}));
  check_value(sized(x, {1, 8}), row({0, 0, 1, 1, 2, 2, 3, 3}));
}

TEST_CASE("linear and cubic interpolation give what a hand computes") {
  const tensor x = row({1, 2});
  check_near(scaled(x, {1, 2}, with({{"mode", "linear"}})), row({1, 1.25f, 1.75f, 2}));
  check_near(scaled(x, {1, 2}, with({{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}})),
             row({1, 4.0f / 3, 5.0f / 3, 2}));
  check_near(scaled(x, {1, 2}, with({{"mode", "linear"}, {"coordinate_transformation_mode", "asymmetric"}})),
             row({1, 1.5f, 2, 2}));
  check_near(sized(x, {1, 1}, with({{"mode", "linear"}, {"coordinate_transformation_mode", "pytorch_half_pixel"}})),
             row({1}));
  // Cubic at half way with coefficient -0.5: (-1, 9, 9, -1) / 16.
  auto halves = with({{"mode", "cubic"}, {"coordinate_transformation_mode", "asymmetric"}});
  halves["cubic_coeff_a"] = -0.5f;
  const float middle = (-1 + 9 * 2 + 9 * 4 - 8) / 16.0f;
  auto got = need(evaluate(scaled(row({1, 2, 4, 8}), {1, 2}, halves)));
  CHECK(got.at(0).as<float>()[3] == Approx(middle));
  // Outside taps without weight: (9 * 1 + 9 * 2 - 4) / 17... between the first two elements.
  halves["exclude_outside"] = std::int64_t{1};
  got = need(evaluate(scaled(row({1, 2, 4, 8}), {1, 2}, halves)));
  CHECK(got.at(0).as<float>()[1] == Approx((9 * 1 + 9 * 2 - 4) / 17.0f));
}

TEST_CASE("antialias widens the filter") {
  // Four elements to two with a triangle of four: weights 1/8, 3/8, 3/8, 1/8, the edges repeated.
  auto given = with({{"mode", "linear"}});
  given["antialias"] = std::int64_t{1};
  check_near(scaled(row({0, 8, 16, 24}), {1, 0.5f}, given, 18), row({5, 19}));
  for (const char* mode : {"linear", "cubic"})
    for (const std::int64_t outside : {0, 1}) {
      auto wide = with({{"mode", mode}});
      wide["antialias"] = std::int64_t{1};
      wide["exclude_outside"] = outside;
      check_kernel(sized(random_tensor({2, 3, 20, 17}, 1), {2, 3, 7, 5}, wide, 18), interpolated);
    }
}

TEST_CASE("a crop takes part of the operand and fills what is outside") {
  attributes given = with({{"mode", "linear"}, {"coordinate_transformation_mode", "tf_crop_and_resize"}});
  given["extrapolation_value"] = -1.0f;
  kernel_case crop = sized(row({0, 10, 20, 30, 40}), {1, 3}, given);
  crop.inputs[1] = floats_of({0, 0.25f, 1, 0.75f});
  check_near(crop, row({10, 20, 30}));
  crop.inputs[1] = floats_of({0, 0.5f, 1, 1.5f});
  check_near(crop, row({20, 40, -1}));
  crop.inputs[0] = random_tensor({7, 9}, 1);
  crop.inputs[3] = list_of({5, 6});
  crop.inputs[1] = floats_of({0.1f, -0.2f, 0.8f, 0.9f});
  crop.constants = {1, 3};
  check_kernel(crop, interpolated);
}

TEST_CASE("axes and aspect ratios are read as opset 18 has them") {
  auto given = with({{"keep_aspect_ratio_policy", "not_larger"}});
  given["axes"] = std::vector<std::int64_t>{2, 3};
  const tensor x = counting({1, 1, 2, 4});
  CHECK(need(evaluate(sized(x, {7, 8}, given, 18))).at(0).dims() == shape{1, 1, 4, 8});
  given["keep_aspect_ratio_policy"] = std::string("not_smaller");
  CHECK(need(evaluate(sized(x, {7, 8}, given, 18))).at(0).dims() == shape{1, 1, 7, 14});
  given["keep_aspect_ratio_policy"] = std::string("stretch");
  CHECK(need(evaluate(sized(x, {7, 8}, given, 18))).at(0).dims() == shape{1, 1, 7, 8});
  // half_pixel_symmetric, 2.5 times 3 elements cut to 7: the middle stays the middle.
  auto symmetric = with({{"mode", "linear"}, {"coordinate_transformation_mode", "half_pixel_symmetric"}});
  const auto got = need(evaluate(scaled(row({0, 10, 20}), {1, 2.5f}, symmetric, 19)));
  CHECK(got.at(0).dims() == shape{1, 7});
  CHECK(got.at(0).as<float>()[3] == Approx(10));
}

TEST_CASE("devices resize like the definition", "[device]") {
  const tensor x = random_tensor({2, 3, 6, 7}, 1);
  for (const char* mode : {"nearest", "linear", "cubic"})
    for (const char* transformation :
         {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"}) {
      INFO(mode << ", " << transformation);
      const auto given = with({{"mode", mode}, {"coordinate_transformation_mode", transformation}});
      check_kernel(scaled(x, {1, 1, 2, 3}, given, 19), interpolated);
      check_kernel(scaled(x, {1, 1, 0.6f, 1.7f}, given, 19), interpolated);
      check_kernel(sized(x, {2, 3, 3, 8}, given, 19), interpolated);
      check_kernel(sized(x, {2, 3, 1, 16}, given, 19), interpolated);
    }
  check_kernel(sized(random_tensor({2, 3, 4, 5, 6}, 1), {2, 3, 5, 6, 7}, with({{"mode", "linear"}})), interpolated);
  check_kernel(sized(random_tensor({1, 2, 3}, 1), {3, 4, 5}, with({{"mode", "linear"}})), interpolated);
}

TEST_CASE("elements that only move keep their bits, on devices and in every type", "[device]") {
  const tensor x = random_halves({1, 3, 5, 7}, 1);
  check_kernel(scaled(x, {1, 1, 2, 2}), exact);
  check_kernel(scaled(x, {1, 1, 2, 8}), exact);
  check_kernel(scaled(x, {1, 1, 3, 1}), exact);
  check_kernel(scaled(x, {1, 1, 1.3f, 0.7f}), exact);
  check_kernel(sized(x, {1, 3, 5, 7}), exact);
  for (const dtype type : all_types)
    CHECK(bitwise_equal(need(evaluate(scaled(counting({1, 2}, type), {1, 2}))).at(0),
                        need(convert(tensor_of<float>({1, 4}, {0, 0, 1, 1}), type))));
}

TEST_CASE("the first Resize and Upsample take the element at the corner") {
  const tensor x = row({0, 1, 2});
  kernel_case upsample{
      .op = "Upsample", .inputs = {x}, .attributes = {{"scales", std::vector<float>{1, 1.5f}}}, .version = 7};
  check_value(upsample, row({0, 0, 1, 2}));
  check_value({.op = "Upsample", .inputs = {x, floats_of({1, 1.5f})}, .version = 9, .constants = {1}},
              row({0, 0, 1, 2}));
  check_value({.op = "Resize", .inputs = {x, floats_of({1, 1.5f})}, .version = 10, .constants = {1}},
              row({0, 0, 1, 2}));
  kernel_case linear = upsample;
  linear.attributes["scales"] = std::vector<float>{1, 2};
  linear.attributes["mode"] = std::string("linear");
  check_near(linear, row({0, 0.5f, 1, 1.5f, 2, 2}));
  linear.inputs = {random_tensor({5, 9}, 1)};
  check_kernel(linear, interpolated);
}

TEST_CASE("a Resize refuses what makes no sense") {
  const tensor x = row({0, 1, 2});
  const auto says = [](const kernel_case& given, const std::string& fragment) {
    const std::string text = refusal(given).message();
    INFO(text);
    CHECK(text.find(fragment) != std::string::npos);
  };
  says({.op = "Resize", .inputs = {x}, .version = 13}, "neither");
  auto both = scaled(x, {1, 2});
  both.inputs.push_back(list_of({1, 6}));
  says(both, "both");
  says(scaled(x, {2}), "1 scales");
  says(scaled(x, {1, 0}), "by 0");
  says(scaled(x, {1, -2}), "by -2");
  says(scaled(x, {1, std::numeric_limits<float>::infinity()}), "makes no extent");
  says(sized(x, {1, -2}), "one of -2");
  says(scaled(x, {1, 2}, with({{"mode", "best"}})), "best");
  says(scaled(x, {1, 2}, with({{"nearest_mode", "up"}})), "up");
  says(scaled(x, {1, 2}, with({{"coordinate_transformation_mode", "none"}})), "none");
  says(scaled(x, {1, 2}, with({{"coordinate_transformation_mode", "tf_crop_and_resize"}})), "roi");
  auto axes = with({});
  axes["axes"] = std::vector<std::int64_t>{0, 2};
  says(scaled(x, {1, 2}, axes, 18), "outside");
  says(scaled(counting({1, 3}, dtype::i32), {1, 2}, with({{"mode", "linear"}})), "int32");
}
