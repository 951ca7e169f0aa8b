#include "troupe/transport/content_hash.hpp"

#include <openssl/evp.h>

namespace troupe {

std::string content_hash::to_hex() const {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

result<content_hash> hash_of(std::span<const std::byte> data) {
  content_hash made;
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), made.bytes.data(), &size, EVP_sha256(), nullptr) != 1 ||
      size != made.bytes.size())
    return error(errc::internal, "OpenSSL does not compute a SHA-256");
  return made;
}

}  // namespace troupe
