// Bounds: rounded_products, as a convolution is sums of products; those of tensors with padding are shorter.
#include "support/kernel_properties.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;
using list = std::vector<std::int64_t>;

kernel_case conv(const shape& input, const shape& weights, bool has_bias, const attributes& given = {}) {
  kernel_case made{.op = "Conv",
                   .inputs = {random_tensor(input, 1), random_tensor(weights, 2)},
                   .attributes = given,
                   .constants = {1, 2}};
  if (has_bias) made.inputs.push_back(random_tensor({weights[0]}, 3));
  return made;
}

tensor counting(const shape& dims) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < dims.elements(); ++i) values.push_back(static_cast<float>(i));
  return tensor_of(dims, values);
}

}  // namespace

TEST_CASE("Conv of small images is what a hand computes") {
  check_reference(
      {.op = "Conv", .inputs = {counting({1, 1, 3, 3}), tensor_of({1, 1, 2, 2}, {1, 2, 3, 4}), tensor_of({1}, {10})}},
      tensor_of({1, 1, 2, 2}, {37, 47, 67, 77}));
  const tensor ones = tensor_of({1, 1, 3, 3}, std::vector<float>(9, 1.0f));
  check_reference({.op = "Conv", .inputs = {counting({1, 1, 5, 5}), ones}, .attributes = {{"pads", list{1, 1, 1, 1}}}},
                  tensor_of({1, 1, 5, 5}, {12,  21, 27, 33,  24,  33,  54,  63, 72,  51,  63,  99, 108,
                                           117, 81, 93, 144, 153, 162, 111, 72, 111, 117, 123, 84}));
  check_reference({.op = "Conv",
                   .inputs = {counting({1, 1, 5, 5}), ones},
                   .attributes = {{"auto_pad", std::string("SAME_LOWER")}, {"strides", list{2, 2}}}},
                  tensor_of({1, 1, 3, 3}, {12, 27, 24, 63, 108, 81, 72, 117, 84}));
  // Two groups of one channel; dilation 2 reaches over the middle.
  check_reference({.op = "Conv",
                   .inputs = {tensor_of({1, 2, 3}, {1, 2, 3, 4, 5, 6}), tensor_of({2, 1, 2}, {1, 10, 2, 20})},
                   .attributes = {{"group", std::int64_t{2}}, {"dilations", list{2}}}},
                  tensor_of({1, 2, 1}, {31, 128}));
}

TEST_CASE("Conv equals its definition for awkward numbers of channels and positions") {
  for (const std::int64_t inputs : {1, 3, 7, 64})
    for (const std::int64_t outputs : {1, 4, 5, 8, 65})
      for (const bool has_bias : {false, true}) {
        INFO(inputs << " to " << outputs << " channels, bias " << has_bias);
        check_kernel(conv({2, inputs, 7, 9}, {outputs, inputs, 3, 3}, has_bias, {{"pads", list{1, 1, 1, 1}}}),
                     rounded_products);
      }
  for (const std::int64_t width : {3, 63, 64, 65, 127, 128, 129})
    check_kernel(conv({1, 2, 3, width}, {9, 2, 3, 3}, true), rounded_products);
}

TEST_CASE("a Conv of 3 x 3 taps equals its definition where it is filtered in tiles") {
  for (const list& pads : {list{1, 1, 1, 1}, list{0, 0, 0, 0}, list{2, 0, 1, 3}})
    for (const std::int64_t channels : {16, 21, 40}) {
      INFO("pads " << pads[0] << ", " << channels << " channels");
      check_kernel(conv({2, channels, 17, 16}, {56 - channels, channels, 3, 3}, true, {{"pads", pads}}),
                   rounded_products);
    }
  // More tiles than are served in one turn.
  check_kernel(conv({1, 128, 60, 62}, {16, 128, 3, 3}, false, {{"pads", list{1, 1, 1, 1}}}), rounded_products);
}

TEST_CASE("a pointwise Conv equals its definition") {
  for (const std::int64_t inputs : {7, 64})
    for (const std::int64_t outputs : {1, 65})
      for (const std::int64_t width : {1, 7, 8})
        check_kernel(conv({3, inputs, width, width}, {outputs, inputs, 1, 1}, true), rounded_products);
  check_kernel(conv({2, 8, 7, 7}, {16, 8, 1, 1}, true, {{"strides", list{2, 2}}}), rounded_products);
  check_kernel(conv({2, 8, 7, 7}, {16, 8, 1, 1}, true, {{"pads", list{1, 0, 0, 1}}}), rounded_products);
}

TEST_CASE("Conv takes groups and depthwise kernels") {
  check_kernel(conv({2, 12, 9, 9}, {24, 6, 3, 3}, true, {{"group", std::int64_t{2}}}), rounded_products);
  check_kernel(conv({2, 12, 9, 9}, {9, 4, 3, 3}, true, {{"group", std::int64_t{3}}}), rounded_products);
  check_kernel(conv({2, 33, 9, 9}, {33, 1, 3, 3}, true, {{"group", std::int64_t{33}}, {"pads", list{1, 1, 1, 1}}}),
               rounded_products);
  check_kernel(conv({1, 5, 9, 9}, {10, 1, 5, 5}, false, {{"group", std::int64_t{5}}, {"strides", list{2, 2}}}),
               rounded_products);
  check_kernel(conv({1, 4, 5, 5}, {32, 2, 1, 1}, true, {{"group", std::int64_t{2}}}), rounded_products);
}

TEST_CASE("a depthwise Conv equals its definition for awkward numbers of channels and positions") {
  for (const std::int64_t channels : {2, 8, 65})
    for (const std::int64_t width : {1, 31, 33}) {
      INFO(channels << " channels, " << width << " wide");
      check_kernel(conv({2, channels, 3, width}, {channels, 1, 3, 3}, width != 31,
                        {{"group", channels}, {"pads", list{1, 1, 1, 1}}, {"strides", list{1, width == 33 ? 2 : 1}}}),
                   rounded_products);
    }
  check_kernel(conv({1, 3, 150, 140}, {3, 1, 140, 140}, true, {{"group", std::int64_t{3}}}), rounded_products);
}

TEST_CASE("Conv takes every combination of padding, stride and dilation") {
  for (const char* mode : {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"})
    for (const auto& strides : {list{1, 1}, list{2, 3}})
      for (const auto& dilations : {list{1, 1}, list{2, 1}}) {
        attributes given{{"auto_pad", std::string(mode)}, {"strides", strides}, {"dilations", dilations}};
        if (std::string(mode) == "NOTSET") given["pads"] = list{0, 2, 3, 1};
        INFO(mode << ", strides " << strides[0] << ", dilations " << dilations[0]);
        check_kernel(conv({1, 3, 11, 10}, {6, 3, 3, 2}, true, given), rounded_products);
        given["group"] = std::int64_t{3};
        check_kernel(conv({1, 3, 11, 10}, {6, 1, 3, 2}, true, given), rounded_products);
      }
}

TEST_CASE("Conv takes one and three spatial axes") {
  check_kernel(conv({2, 3, 65}, {8, 3, 5}, true, {{"pads", list{2, 1}}, {"strides", list{2}}}), rounded_products);
  check_kernel(conv({1, 4, 33}, {4, 1, 3}, true, {{"group", std::int64_t{4}}, {"dilations", list{4}}}),
               rounded_products);
  check_kernel(conv({1, 2, 5, 6, 7}, {6, 2, 2, 3, 3}, true,
                    {{"pads", list{1, 0, 1, 0, 1, 1}}, {"strides", list{1, 2, 1}}, {"dilations", list{2, 1, 1}}}),
               rounded_products);
  check_kernel(conv({1, 3, 4, 5, 6}, {3, 1, 3, 3, 3}, true,
                    {{"group", std::int64_t{3}}, {"auto_pad", std::string("SAME_UPPER")}}),
               rounded_products);
}

TEST_CASE("Conv adds up more products than a driver may loop") {
  check_kernel(conv({1, 1, 270, 270}, {2, 1, 270, 270}, true), rounded_products);
  check_kernel(conv({1, 300, 15, 17}, {8, 300, 15, 16}, true), rounded_products);
}

TEST_CASE("padding a Conv adds nothing, even beside infinities") {
  const float infinity = std::numeric_limits<float>::infinity();
  kernel_case given{
      .op = "Conv",
      .inputs = {tensor_of({1, 1, 4}, {infinity, 1, 2, 3}), tensor_of({8, 1, 3}, std::vector<float>(24, 1))},
      .attributes = {{"pads", list{1, 1}}}};
  check_kernel(given, rounded_products);
}

TEST_CASE("an image has the same bits alone and among others in a Conv") {
  check_batch_invariance(conv({5, 7, 9, 9}, {9, 7, 3, 3}, true));
  check_batch_invariance(conv({5, 8, 8, 8}, {9, 8, 1, 1}, true));
  check_batch_invariance(conv({5, 8, 9, 9}, {8, 1, 3, 3}, true, {{"group", std::int64_t{8}}}));
  check_batch_invariance(conv({5, 3, 9, 9}, {9, 3, 3, 3}, true));
  check_batch_invariance(conv({5, 16, 17, 14}, {19, 16, 3, 3}, true, {{"pads", list{1, 1, 1, 1}}}));
  // So large that the batch takes another way than the single image.
  check_batch_invariance(conv({5, 3, 304, 304}, {8, 3, 5, 5}, true));
}

TEST_CASE("a Conv ends in a residual and an activation, whichever way it goes") {
  const list pads{1, 1, 1, 1};
  const std::vector<kernel_case> ways{
      conv({2, 12, 7, 9}, {13, 12, 3, 3}, true, {{"pads", pads}}),                              // in blocks
      conv({2, 16, 14, 15}, {20, 16, 3, 3}, true, {{"pads", pads}}),                            // filtered in tiles
      conv({2, 16, 7, 9}, {24, 16, 1, 1}, false, {}),                                           // pointwise
      conv({2, 3, 7, 9}, {9, 3, 3, 3}, true, {{"pads", pads}}),                                 // unfolded
      conv({2, 13, 7, 9}, {13, 1, 3, 3}, true, {{"pads", pads}, {"group", std::int64_t{13}}}),  // depthwise
      conv({1, 1, 200, 180}, {1, 1, 200, 179}, true, {}),                                       // in slices
  };
  for (const kernel_case& plain : ways)
    for (const char* name : {"Relu", "Clip", "LeakyRelu", "Swish", "HardSwish", ""}) {
      INFO(plain.inputs[1].dims().to_string() << " " << name);
      kernel_case given = plain;
      given.inputs.resize(4);
      given.inputs[3] = random_tensor(run_on("reference", plain, dtype::f32).at(0).dims(), 4);
      given.attributes["troupe_fused"] = std::int64_t{1};
      if (*name) given.attributes["troupe_activation"] = std::string(name);
      given.attributes["troupe_alpha"] = std::string(name) == "Clip" ? -3.0f : 0.25f;
      given.attributes["troupe_beta"] = std::string(name) == "Clip" ? 3.0f : 0.5f;
      check_kernel(given, rounded_products);
    }
}

TEST_CASE("an empty batch gives an empty result") {
  check_kernel(conv({0, 3, 8, 8}, {8, 3, 3, 3}, true), exact);
}

TEST_CASE("Conv refuses attributes that make no sense") {
  const shape input{1, 4, 8, 8}, weights{4, 4, 3, 3};
  const auto with = [&](const char* key, attribute value) { return conv(input, weights, true, {{key, value}}); };
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  CHECK(refused(with("strides", list{0, 1}), "strides"));
  CHECK(refused(with("strides", list{-1, 1}), "strides"));
  CHECK(refused(with("strides", list{huge, 1}), "strides"));
  CHECK(refused(with("strides", list{1}), "2 are needed"));
  CHECK(refused(with("dilations", list{0, 0}), "dilations"));
  CHECK(refused(with("dilations", list{huge, huge}), "dilations"));
  CHECK(refused(with("dilations", list{(std::int64_t{1} << 31) - 1, 1}), "spans"));
  CHECK(refused(with("dilations", list{4, 4}), "spans 9 positions"));
  CHECK(refused(with("pads", list{-1, 0, 0, 0}), "pads"));
  CHECK(refused(with("pads", list{0, 0, huge, 0}), "pads"));
  CHECK(refused(with("pads", list{1, 1}), "4 are needed"));
  CHECK(refused(with("pads", std::int64_t{1}), "not a list"));
  CHECK(refused(with("auto_pad", std::string("SAME")), "auto_pad"));
  CHECK(refused(with("kernel_shape", list{3, 5}), "contradicts"));
  CHECK(refused(with("group", std::int64_t{0}), "0 groups"));
  CHECK(refused(with("group", std::int64_t{3}), "3 groups"));
  CHECK(refused(with("group", std::int64_t{2}), "take 4 channels"));
  CHECK(refused(conv({1, 4, 8}, weights, true), "both must be"));
  CHECK(refused(conv({4, 8}, {4, 8}, true), "both must be"));
  CHECK(refused(conv({1, 4, 2, 2}, weights, true), "spans 3 positions"));
  CHECK(refused(conv({1, 4, 8, 8}, {4, 4, 0, 3}, true), "kernel_shape"));
  CHECK(refused(conv({1, 1, 2, 2, 2, 2}, {1, 1, 1, 1, 1, 1}, true), "spatial axes"));
  auto short_bias = conv(input, weights, true);
  short_bias.inputs[2] = random_tensor({3}, 5);
  CHECK(refused(short_bias, "does not have 4 elements"));
  // The largest numbers that are allowed still do not overflow.
  const std::int64_t most = (std::int64_t{1} << 31) - 1;
  CHECK(refused(with("pads", list{most, most, most, most}), "elements"));
  CHECK(refusal_of(with("strides", list{most, most})) == "");
}
