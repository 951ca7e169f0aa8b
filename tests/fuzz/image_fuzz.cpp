// Pictures: PNG, JPEG, BMP, PNM.
#include <algorithm>

#include "fuzz_target.hpp"
#include "support/picture_files.hpp"
#include "troupe/engine/image.hpp"
#include "troupe/engine/limits.hpp"

namespace troupe::test {
namespace {

/// 24 bits a pixel; the data is there for 2 x 2.
std::string bmp(std::uint32_t width, std::uint32_t height) {
  std::string file = "BM";
  for (const std::uint32_t field : {70u, 0u, 54u, 40u, width, height, 24u << 16 | 1u}) append(file, field, 4, false);
  return file + std::string(24, '\0') + std::string(16, 'x');
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  const std::string rows("\0ab\0cd", 6);
  std::vector<fuzz_seed> seeds;
  const std::pair<const char*, std::string> files[] = {
      {"grey.pgm", pnm(2, 2, 1, "abcd")},
      {"colour.ppm", pnm(2, 1, 3, "abcdef")},
      {"small.bmp", bmp(2, 2)},
      {"small.png", png(2, 2, 0, rows)},
      {"transparent.png", png(2, 1, 6, std::string("\0RGBArgba", 9))},
      {"small.jpg", jpeg()},
      // Headers that claim what is not there, tables that are too long, chunks behind the end.
      {"bomb.pgm", pnm(2'000'000'000, 2'000'000'000, 1, "")},
      {"bomb.png", png(0x7fffffff, 0x7fffffff, 0, rows)},
      {"wide.png", png(60'000, 20'000, 0, rows)},
      {"bomb.bmp", bmp(0x7fffffff, 0x7fffffff)},
      {"negative.bmp", bmp(0x80000000, 0x80000000)},
      {"codes.jpg", jpeg("", huffman_segment(17))},
      {"later_codes.jpg", jpeg(huffman_segment(17))}};
  for (const auto& [name, file] : files) seeds.push_back({name, to_bytes(file)});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  const auto picture = parse_image(input);
  if (!picture) return false;
  fuzz_require(picture->type() == dtype::u8 && picture->dims().rank() == 3,
               "a picture is no [height, width, channels]");
  const auto channels = picture->dims()[2];
  fuzz_require(channels == 1 || channels == 3, "a picture has neither 1 nor 3 channels");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  // A packed picture is larger when it is unpacked: at most its pixels, with four channels of 16 bits unpacked,
  // filtered and in our form.
  return 65'536 + 32 * std::min(limits::image_pixels_max, 8 * 1032 * (input_bytes + 1));
}

}  // namespace troupe::test
