#include "troupe/engine/image.hpp"

#include <cmath>

#include "support/check.hpp"
#include "support/picture_files.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

tensor picture(const shape& dims, std::uint64_t seed) {
  tensor made = need(tensor::make(dtype::u8, dims));
  random_source random(seed);
  for (std::uint8_t& pixel : made.as_mutable<std::uint8_t>()) pixel = static_cast<std::uint8_t>(random.below(256));
  return made;
}

image_layout plain(std::int64_t channels, std::int64_t height, std::int64_t width) {
  image_layout layout;
  layout.channels = channels;
  layout.height = height;
  layout.width = width;
  layout.scale = 1.0f;
  return layout;
}

}  // namespace

TEST_CASE("grey and colour pictures keep their channels") {
  const temporary_folder folder;
  const tensor grey = need(read_image(folder.write("a.pgm", bytes_of(pnm(2, 3, 1, "abcdef")))));
  CHECK(grey.describe() == "uint8[3,2,1]");
  CHECK(grey.as<std::uint8_t>()[5] == 'f');
  const tensor colour = need(read_image(folder.write("a.ppm", bytes_of(pnm(1, 2, 3, "RGBrgb")))));
  CHECK(colour.describe() == "uint8[2,1,3]");
  CHECK(colour.as<std::uint8_t>()[3] == 'r');
}

TEST_CASE("transparency in a PNG is left out") {
  const temporary_folder folder;
  const std::string row("\0RGBArgba", 9);
  const tensor colour = need(read_image(folder.write("a.png", bytes_of(png(2, 1, 6, row)))));
  CHECK(colour.describe() == "uint8[1,2,3]");
  CHECK(colour.as<std::uint8_t>()[3] == 'r');
  const tensor grey = need(read_image(folder.write("b.png", bytes_of(png(2, 1, 4, std::string("\0xAyB", 5))))));
  CHECK(grey.describe() == "uint8[1,2,1]");
  CHECK(grey.as<std::uint8_t>()[1] == 'y');
}

TEST_CASE("a JPEG whose Huffman table has too many codes never reaches the decoder") {
  const temporary_folder folder;
  const tensor grey = need(read_image(folder.write("x.jpg", bytes_of(jpeg()))));
  CHECK(grey.describe() == "uint8[8,8,1]");
  for (const std::uint8_t pixel : grey.as<std::uint8_t>()) CHECK(pixel == 128);
  // Application data may look like anything.
  std::string thumbnail = "\xff\xe1";
  append(thumbnail, 2 + huffman_segment(200).size(), 2, true);
  need(read_image(folder.write("x.jpg", bytes_of(jpeg("", thumbnail + huffman_segment(200))))));
  const std::string bad = huffman_segment(17);
  for (const std::string& file : {jpeg("", bad), jpeg(bad), jpeg("", "\xff\xff" + bad), jpeg("\xff" + bad)}) {
    const auto read = read_image(folder.write("x.jpg", bytes_of(file)));
    REQUIRE(!read);
    CHECK(contains(read.error().to_string(), "more than 256 codes"));
  }
}

TEST_CASE("a PNG with a chunk that ends behind the file never reaches the decoder") {
  std::string file = png(2, 2, 0, std::string("\0ab\0cd", 6));
  need(parse_image(bytes_of(file)));
  file[8 + 25] = 0x17;  // the length of the second chunk: 385 MB
  const auto read = parse_image(bytes_of(file));
  REQUIRE(!read);
  CHECK(contains(read.error().to_string(), "a chunk ends behind the end of the file"));
}

TEST_CASE("a header that claims more pixels than the file can hold is refused") {
  for (const std::string& file : {pnm(16'000, 16'000, 1, "ab"), png(16'000, 16'000, 0, "ab")}) {
    const auto read = parse_image(bytes_of(file));
    REQUIRE(!read);
    CHECK(contains(read.error().to_string(), "16000 x 16000 pixels, which"));
  }
}

TEST_CASE("the size of a picture is checked before its pixels are decoded") {
  const temporary_folder folder;
  const auto refuse = [&](const std::string& file) {
    const auto read = read_image(folder.write("x", bytes_of(file)));
    REQUIRE(!read);
    CHECK(read.error().code() == errc::invalid_argument);
    return read.error().to_string();
  };
  CHECK(contains(refuse(png(20'000, 20'001, 0, "")), "20000 x 20001"));
  CHECK(contains(refuse(pnm(20'000, 20'000, 1, "")), "20000 x 20000"));
  refuse(png(0, 5, 2, ""));
  refuse(png(0xffffffffu, 1, 2, ""));
}

TEST_CASE("files that are no pictures are refused by name") {
  const temporary_folder folder;
  const auto text = read_image(folder.write("notes.txt", bytes_of("no picture at all")));
  REQUIRE(!text);
  CHECK(contains(text.error().to_string(), "notes.txt"));
  CHECK(!read_image(folder.write("empty.png", {})));
  CHECK(!read_image(folder.path() / "missing.png"));
  CHECK(!read_image(folder.path()));
}

TEST_CASE("damaged and cut pictures give a picture or an error") {
  const std::uint64_t seed = 4711;
  CAPTURE(seed);
  random_source random(seed);
  const temporary_folder folder;
  std::string rows;
  for (int y = 0; y < 16; ++y) {
    rows += '\x02';
    for (int x = 0; x < 48; ++x) rows += static_cast<char>(random.below(256));
  }
  const std::string whole = png(16, 16, 2, rows);
  CHECK(need(read_image(folder.write("whole.png", bytes_of(whole)))).describe() == "uint8[16,16,3]");
  std::size_t refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::string damaged = whole;
    if (round % 5 == 0)
      damaged.resize(random.below(whole.size()));
    else
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    refused += !read_image(folder.write("damaged.png", bytes_of(damaged)));
  }
  CHECK(refused > 50);
}

TEST_CASE("a picture of the model's size arrives pixel by pixel, scaled and normalised") {
  const tensor original = picture({3, 4, 3}, 1);
  image_layout layout = plain(3, 3, 4);
  layout.scale = 1.0f / 255.0f;
  layout.mean = {0.1f, 0.2f, 0.3f};
  layout.standard_deviation = {0.5f, 0.25f, 2.0f};
  const tensor first = need(to_model_input(original, layout));
  layout.channels_last = true;
  const tensor last = need(to_model_input(original, layout));
  CHECK(first.describe() == "float32[1,3,3,4]");
  CHECK(last.describe() == "float32[1,3,4,3]");
  for (std::size_t y = 0; y < 3; ++y)
    for (std::size_t x = 0; x < 4; ++x)
      for (std::size_t c = 0; c < 3; ++c) {
        const float pixel = static_cast<float>(original.as<std::uint8_t>()[(y * 4 + x) * 3 + c]) / 255.0f;
        const float expected = (pixel - layout.mean[c]) / layout.standard_deviation[c];
        CHECK(first.as<float>()[(c * 3 + y) * 4 + x] == Approx(expected).margin(1e-5));
        CHECK(last.as<float>()[(y * 4 + x) * 3 + c] == Approx(expected).margin(1e-5));
      }
}

TEST_CASE("colour becomes grey with the weights of BT.601, and grey becomes three equal channels") {
  tensor colour = need(tensor::make(dtype::u8, {1, 1, 3}));
  colour.as_mutable<std::uint8_t>()[0] = 200;
  colour.as_mutable<std::uint8_t>()[1] = 100;
  colour.as_mutable<std::uint8_t>()[2] = 50;
  const tensor grey = need(to_model_input(colour, plain(1, 1, 1)));
  CHECK(grey.as<float>()[0] == Approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50));
  const tensor spread = need(to_model_input(need(colour.reshaped({3, 1, 1})), plain(3, 3, 1)));
  for (std::size_t i = 0; i < 9; ++i) CHECK(spread.as<float>()[i] == (i % 3 == 0 ? 200 : i % 3 == 1 ? 100 : 50));
}

TEST_CASE("shrinking looks at every pixel with the weights of the definition") {
  const std::uint64_t seed = 12;
  CAPTURE(seed);
  for (const auto& [height, width] : {std::pair{2, 3}, {5, 7}, {1, 1}, {13, 4}, {31, 40}}) {
    const tensor original = picture({13, 17, 1}, seed);
    const tensor resized = need(to_model_input(original, plain(1, height, width)));
    const auto weight = [](double position, double centre, double radius) {
      return std::max(0.0, 1.0 - std::abs(position + 0.5 - centre) / radius);
    };
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const double ry = 13.0 / height, rx = 17.0 / width;
        double value = 0, sum = 0;
        for (int j = 0; j < 13; ++j)
          for (int i = 0; i < 17; ++i) {
            const double w =
                weight(j, (y + 0.5) * ry, std::max(1.0, ry)) * weight(i, (x + 0.5) * rx, std::max(1.0, rx));
            value += w * original.as<std::uint8_t>()[static_cast<std::size_t>(j * 17 + i)];
            sum += w;
          }
        CHECK(resized.as<float>()[static_cast<std::size_t>(y * width + x)] == Approx(value / sum).epsilon(1e-4));
      }
  }
}

TEST_CASE("an even picture stays even at every size") {
  tensor even = need(tensor::make(dtype::u8, {9, 11, 3}));
  for (std::uint8_t& pixel : even.as_mutable<std::uint8_t>()) pixel = 77;
  for (const std::int64_t size : {1, 2, 8, 9, 10, 64}) {
    const tensor resized = need(to_model_input(even, plain(3, size, size + 1)));
    for (const float value : resized.as<float>()) REQUIRE(value == Approx(77).epsilon(1e-5));
  }
}

TEST_CASE("layouts that cannot be are refused with the offending value") {
  const tensor original = picture({2, 2, 3}, 1);
  const auto refuse = [&](const tensor& given, const image_layout& layout) {
    const auto made = to_model_input(given, layout);
    REQUIRE(!made);
    return made.error().message();
  };
  CHECK(contains(refuse(original, plain(2, 4, 4)), "2 channels"));
  CHECK(contains(refuse(original, plain(3, 0, 4)), "0 x 4"));
  CHECK(contains(refuse(original, plain(3, -1, 4)), "-1 x 4"));
  CHECK(contains(refuse(original, plain(3, std::int64_t{1} << 40, std::int64_t{1} << 40)), "1099511627776"));
  image_layout layout = plain(3, 2, 2);
  layout.mean = {1, 2};
  CHECK(contains(refuse(original, layout), "2 means"));
  layout = plain(3, 2, 2);
  layout.standard_deviation = {0};
  CHECK(contains(refuse(original, layout), "deviation 0"));
  CHECK(contains(refuse(random_tensor({2, 2, 3}, 1), plain(3, 2, 2)), "float32[2,2,3]"));
  CHECK(contains(refuse(need(tensor::make(dtype::u8, {2, 2})), plain(3, 2, 2)), "uint8[2,2]"));
  CHECK(contains(refuse(need(tensor::make(dtype::u8, {0, 2, 3})), plain(3, 2, 2)), "uint8[0,2,3]"));
}
