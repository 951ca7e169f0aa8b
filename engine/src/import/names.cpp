#include "import/names.hpp"

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe {
result<void> check_name(std::string_view text, std::string_view role) {
  if (text.size() > limits::name_length_max)
    return fail(errc::invalid_argument, "the {} has {} bytes; at most {} are allowed", role, text.size(),
                limits::name_length_max);
  for (std::size_t at = 0; at < text.size();) {
    const utf8_front front = front_of_utf8(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (front.state != utf8_state::complete || byte < 0x20 || byte == 0x7f)
      return fail(errc::invalid_argument, "the {} has the byte {:#x} at {}, which is not printable UTF-8", role, byte,
                  at);
    at += front.bytes;
  }
  return {};
}

}  // namespace troupe
