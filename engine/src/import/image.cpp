#include "troupe/engine/image.hpp"

#include "core/file.hpp"
#include "import/jpeg_tables.hpp"
#include "import/png_chunks.hpp"
#include "import/stb_image.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// The largest picture without compression, four bytes a pixel; also inside the `int` that stb_image counts with.
constexpr std::size_t file_bytes_max = (std::size_t{1} << 30) + (std::size_t{1} << 20);

/// Nothing is packed tighter: a PNG of one bit a pixel whose deflated rows are all the same, 1032 to 1.
constexpr std::size_t pixels_per_byte_max = 8 * 1032;

}  // namespace

result<tensor> parse_image(std::span<const std::byte> file) {
  if (!huffman_tables_fit(file))
    return fail(errc::invalid_argument, "it is a damaged JPEG picture: a Huffman table has more than 256 codes");
  if (!png_chunks_fit(file))
    return fail(errc::invalid_argument, "it is a damaged PNG picture: a chunk ends behind the end of the file");
  const decoded_pixels header = read_header(file);
  if (!header.problem.empty() || header.width <= 0 || header.height <= 0)
    return fail(errc::invalid_argument, "it is no PNG, JPEG, BMP or PNM picture that can be read ({})",
                header.problem.empty() ? "empty" : header.problem);
  const auto pixels = static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height);
  if (pixels > limits::image_pixels_max)
    return fail(errc::invalid_argument, "it has {} x {} pixels; at most {} in all are supported", header.width,
                header.height, limits::image_pixels_max);
  if (pixels / pixels_per_byte_max > file.size())
    return fail(errc::invalid_argument, "its header says {} x {} pixels, which {} bytes cannot hold", header.width,
                header.height, file.size());
  const int channels = header.channels >= 3 ? 3 : 1;
  const decoded_pixels decoded = decode(file, channels);
  if (!decoded.pixels) return fail(errc::invalid_argument, "its pixels cannot be read ({})", decoded.problem);
  if (decoded.width != header.width || decoded.height != header.height)
    return fail(errc::invalid_argument, "its header and its contents differ in size");
  const std::int64_t extents[] = {decoded.height, decoded.width, channels};
  TROUPE_TRY(const shape dims, shape::make(extents));
  return tensor::from_shared(dtype::u8, dims, decoded.pixels, static_cast<std::size_t>(dims.elements()));
}

result<tensor> read_image(const std::filesystem::path& file) {
  TROUPE_TRY(const auto bytes, read_file(file, file_bytes_max));
  return parse_image(bytes).while_doing(fmt::format("reading the picture {}", file.string()));
}

}  // namespace troupe
