#include "import/stb_image.hpp"

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif
// Static: a host program may have an stb_image of its own. Formats that nobody asked for are not there to be attacked.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS (1 << 20)
#include <stb/stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace troupe {
namespace {

std::string last_problem() {
  const char* reason = stbi_failure_reason();
  return reason ? reason : "unknown format";
}

}  // namespace

decoded_pixels read_header(std::span<const std::byte> file) {
  decoded_pixels made;
  if (!stbi_info_from_memory(reinterpret_cast<const stbi_uc*>(file.data()), static_cast<int>(file.size()), &made.width,
                             &made.height, &made.channels))
    made.problem = last_problem();
  return made;
}

decoded_pixels decode(std::span<const std::byte> file, int channels_wanted) {
  decoded_pixels made;
  stbi_uc* pixels = stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()), static_cast<int>(file.size()),
                                          &made.width, &made.height, &made.channels, channels_wanted);
  if (!pixels) {
    made.problem = last_problem();
    return made;
  }
  made.pixels = {reinterpret_cast<const std::byte*>(pixels),
                 [](const std::byte* held) { stbi_image_free(const_cast<std::byte*>(held)); }};
  return made;
}

}  // namespace troupe
