// The name of a piece of data: the SHA-256 of its bytes. Who knows the name can check what somebody else delivers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "troupe/engine/result.hpp"

namespace troupe {

struct content_hash {
  std::array<std::uint8_t, 32> bytes{};

  /// 64 lower-case digits: safe as the name of a file.
  std::string to_hex() const;
  friend auto operator<=>(const content_hash&, const content_hash&) = default;
};

/// SHA-256 (FIPS 180-4) by OpenSSL, about 1 GB/s where the processor has instructions for it; `internal` when OpenSSL
/// refuses.
result<content_hash> hash_of(std::span<const std::byte> data);

}  // namespace troupe
