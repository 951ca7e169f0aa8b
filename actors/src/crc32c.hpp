// CRC-32C (Castagnoli), as iSCSI has it (RFC 3720, appendix B.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace troupe {

inline std::uint32_t crc32c(std::span<const std::byte> data) noexcept {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < made.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0);
      made[i] = value;
    }
    return made;
  }();
  std::uint32_t sum = ~std::uint32_t{0};
  for (const std::byte each : data) sum = (sum >> 8) ^ table[(sum ^ static_cast<std::uint32_t>(each)) & 0xff];
  return ~sum;
}

}  // namespace troupe
