// Bounds: a maximum moves data, so it is exact; an average sums rounded elements (relative 2^-11 each, of random sign)
// and rounds its result.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;
using list = std::vector<std::int64_t>;

kernel_case pool(const char* op, const shape& input, const attributes& given, int version = 13) {
  return {.op = op, .inputs = {random_tensor(input, 1)}, .attributes = given, .version = version};
}

void check_both(const shape& input, const attributes& given, int version = 13) {
  INFO(input.to_string());
  check_kernel(pool("MaxPool", input, given, version), exact);
  check_kernel(pool("AveragePool", input, given, std::max(version, 19)), two_roundings);
  auto counting = given;
  counting["count_include_pad"] = std::int64_t{1};
  check_kernel(pool("AveragePool", input, counting, std::max(version, 19)), two_roundings);
}

tensor counting(const shape& dims) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < dims.elements(); ++i) values.push_back(static_cast<float>(i + 1));
  return tensor_of(dims, values);
}

}  // namespace

TEST_CASE("pools of small images are what a hand computes") {
  const tensor image = counting({1, 1, 4, 4});
  const attributes ceil{{"kernel_shape", list{3, 3}}, {"strides", list{2, 2}}, {"ceil_mode", std::int64_t{1}}};
  check_reference({.op = "MaxPool", .inputs = {image}, .attributes = ceil}, tensor_of({1, 1, 2, 2}, {11, 12, 15, 16}));
  check_reference({.op = "AveragePool", .inputs = {image}, .attributes = ceil},
                  tensor_of({1, 1, 2, 2}, {6, 7.5f, 12, 13.5f}));
  check_reference(
      {.op = "MaxPool", .inputs = {image}, .attributes = {{"kernel_shape", list{2, 2}}, {"dilations", list{2, 2}}}},
      tensor_of({1, 1, 2, 2}, {11, 12, 15, 16}));
  const tensor five = counting({1, 1, 5, 5});
  const attributes padded{{"kernel_shape", list{5, 5}}, {"pads", list{2, 2, 2, 2}}};
  check_reference({.op = "AveragePool", .inputs = {five}, .attributes = padded},
                  tensor_of({1, 1, 5, 5}, {7,  7.5f,  8,  8.5f,  9,  9.5f,  10, 10.5f, 11, 11.5f, 12, 12.5f, 13, 13.5f,
                                           14, 14.5f, 15, 15.5f, 16, 16.5f, 17, 17.5f, 18, 18.5f, 19}));
  auto counted = padded;
  counted["count_include_pad"] = std::int64_t{1};
  check_reference(
      {.op = "AveragePool", .inputs = {five}, .attributes = counted},
      tensor_of({1, 1, 5, 5}, {2.5200f,  3.6000f, 4.8000f,  4.0800f,  3.2400f,  4.5600f, 6.4000f, 8.4000f, 7.0400f,
                               5.5200f,  7.2000f, 10.0000f, 13.0000f, 10.8000f, 8.4000f, 6.9600f, 9.6000f, 12.4000f,
                               10.2400f, 7.9200f, 6.1200f,  8.4000f,  10.8000f, 8.8800f, 6.8400f}));
}

TEST_CASE("pools equal their definitions for awkward sizes") {
  for (const std::int64_t width : {3, 7, 63, 64, 65, 129}) check_both({2, 3, 5, width}, {{"kernel_shape", list{3, 2}}});
  check_both({1, 1, 1, 1}, {{"kernel_shape", list{1, 1}}});
}

TEST_CASE("pools take every combination of padding, stride, dilation and rounding") {
  for (const char* mode : {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"})
    for (const auto& strides : {list{1, 1}, list{2, 3}})
      for (const auto& dilations : {list{1, 1}, list{2, 1}})
        for (const std::int64_t ceil_mode : {0, 1}) {
          attributes given{{"kernel_shape", list{3, 2}},
                           {"auto_pad", std::string(mode)},
                           {"strides", strides},
                           {"dilations", dilations},
                           {"ceil_mode", ceil_mode}};
          if (std::string(mode) == "NOTSET") given["pads"] = list{0, 1, 2, 1};
          INFO(mode << ", strides " << strides[0] << ", dilations " << dilations[0] << ", ceil " << ceil_mode);
          check_both({1, 3, 11, 10}, given);
        }
}

TEST_CASE("rounding up adds no window that would start on the padding at the end") {
  const kernel_case given =
      pool("MaxPool", {1, 1, 5}, {{"kernel_shape", list{1}}, {"strides", list{3}}, {"ceil_mode", std::int64_t{1}}});
  CHECK(run_on("reference", given, dtype::f32)[0].dims() == shape{1, 1, 2});
  check_both({1, 2, 6, 6}, {{"kernel_shape", list{2, 2}},
                            {"strides", list{3, 3}},
                            {"pads", list{0, 0, 1, 1}},
                            {"ceil_mode", std::int64_t{1}}});
}

TEST_CASE("pools take one and three spatial axes") {
  check_both({2, 3, 33}, {{"kernel_shape", list{4}}, {"pads", list{1, 2}}, {"strides", list{3}}});
  check_both({1, 2, 6, 5, 7},
             {{"kernel_shape", list{2, 3, 2}}, {"strides", list{2, 1, 2}}, {"pads", list{1, 1, 0, 0, 1, 1}}});
}

TEST_CASE("pools walk windows of more taps than a driver may loop") {
  check_both({1, 2, 300, 301}, {{"kernel_shape", list{300, 300}}});
  check_both({1, 1, 70, 66}, {{"kernel_shape", list{65, 65}}, {"pads", list{1, 2, 3, 4}}, {"strides", list{4, 3}}});
}

TEST_CASE("MaxPool of negative numbers never answers with the padding") {
  kernel_case given = pool("MaxPool", {1, 2, 4, 4}, {{"kernel_shape", list{3, 3}}, {"pads", list{2, 2, 2, 2}}});
  given.inputs = {random_tensor({1, 2, 4, 4}, 3, -5, -4)};
  check_kernel(given, exact);
}

TEST_CASE("MaxPool names where the maxima were, in both orders") {
  const tensor image = tensor_of({1, 2, 2, 3}, {1, 5, 2, 4, 3, 0, 9, 1, 1, 1, 1, 9});
  kernel_case given{.op = "MaxPool", .inputs = {image}, .attributes = {{"kernel_shape", list{2, 2}}}, .outputs = 2};
  const std::vector<std::vector<std::int64_t>> expected{{1, 1, 6, 11}, {2, 2, 6, 11}};
  for (const std::int64_t order : {0, 1}) {
    given.attributes["storage_order"] = order;
    for (const char* device_name : {"reference", ""}) {
      const auto got = run_on(device_name, given, dtype::f32);
      CHECK(compare(got.at(0), tensor_of({1, 2, 1, 2}, {5, 5, 9, 9}), exact) == "");
      const auto indices = got.at(1).as<std::int64_t>();
      CHECK(std::vector<std::int64_t>(indices.begin(), indices.end()) == expected[static_cast<std::size_t>(order)]);
    }
  }
}

TEST_CASE("MaxPool of bytes is exact") {
  const std::uint8_t bytes[] = {1, 200, 255, 3, 0, 7};
  const std::int8_t signed_bytes[] = {-1, -128, -3, 100, -7, 127};
  kernel_case given{.op = "MaxPool", .attributes = {{"kernel_shape", list{3}}}};
  given.inputs = {need(tensor::from(shape{1, 1, 6}, std::span<const std::uint8_t>(bytes)))};
  CHECK(run_on("", given, dtype::f16)[0].as<std::uint8_t>()[3] == 7);
  given.inputs = {need(tensor::from(shape{1, 1, 6}, std::span<const std::int8_t>(signed_bytes)))};
  CHECK(run_on("", given, dtype::f16)[0].as<std::int8_t>()[0] == -1);
}

TEST_CASE("an image has the same bits alone and among others in a pool") {
  check_batch_invariance(pool("AveragePool", {5, 3, 9, 9}, {{"kernel_shape", list{3, 3}}}));
  check_batch_invariance(pool("AveragePool", {5, 1, 80, 80}, {{"kernel_shape", list{79, 80}}}));
}

TEST_CASE("pools refuse attributes that make no sense") {
  const auto with = [](const char* key, attribute value) {
    return pool("MaxPool", {1, 2, 8, 8}, {{"kernel_shape", list{3, 3}}, {key, value}});
  };
  CHECK(refused(pool("MaxPool", {1, 2, 8, 8}, {}), "lacks the attribute kernel_shape"));
  CHECK(refused(pool("MaxPool", {1, 2, 8, 8}, {{"kernel_shape", list{3}}}), "2 are needed"));
  CHECK(refused(pool("MaxPool", {1, 2, 8, 8}, {{"kernel_shape", list{9, 1}}}), "spans 9 positions"));
  CHECK(refused(pool("MaxPool", {2, 8}, {{"kernel_shape", list{1}}}), "lacks spatial axes"));
  CHECK(refused(with("strides", list{0, 1}), "strides"));
  CHECK(refused(with("dilations", list{1, -1}), "dilations"));
  CHECK(refused(with("pads", list{0, 0, 0, -1}), "pads"));
  CHECK(refused(with("pads", list{3, 0, 0, 0}), "less than the kernel's 3"));
  CHECK(refused(with("storage_order", std::int64_t{2}), "storage_order"));
  CHECK(refused({.op = "MaxPool",
                 .inputs = {need(tensor::make(dtype::i32, {1, 1, 4}))},
                 .attributes = {{"kernel_shape", list{2}}}},
                "int32"));
}

TEST_CASE("GlobalMaxPool takes the largest element of each plane") {
  check_reference({.op = "GlobalMaxPool", .inputs = {tensor_of({1, 2, 2, 2}, {1, -2, 3, 0, -5, -4, -7, -6})}},
                  tensor_of({1, 2, 1, 1}, {3, -4}));
  for (const shape& dims :
       {shape{2, 3, 5, 7}, shape{1, 65, 64}, shape{2, 2, 2, 3, 4, 5}, shape{2, 3}, shape{1, 1, 80, 90}})
    check_kernel({.op = "GlobalMaxPool", .inputs = {random_tensor(dims, 1)}}, two_roundings);
  CHECK(refused({.op = "GlobalMaxPool", .inputs = {random_tensor({3}, 1)}}, "lacks channels"));
  CHECK(refused({.op = "GlobalMaxPool", .inputs = {random_tensor({1, 2, 0}, 1)}}, "no maximum"));
}
