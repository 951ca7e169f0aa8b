// Small pictures in the formats that Troupe reads, made without a library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::test {

/// The PNM format is a line of text and the pixels: tests can write it themselves.
inline std::string pnm(std::int64_t width, std::int64_t height, int channels, const std::string& pixels) {
  return (channels == 1 ? "P5 " : "P6 ") + std::to_string(width) + " " + std::to_string(height) + " 255\n" + pixels;
}

inline void append(std::string& text, std::uint64_t value, int bytes, bool big_endian) {
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * (big_endian ? bytes - 1 - i : i)));
}

inline std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = ~0u;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

/// A PNG whose pixels are stored without compression.
inline std::string png(std::uint32_t width, std::uint32_t height, int color_type, const std::string& rows) {
  std::string file = "\x89PNG\r\n\x1a\n";
  const auto chunk = [&](const std::string& kind, const std::string& data) {
    append(file, data.size(), 4, true);
    file += kind + data;
    append(file, crc32(kind + data), 4, true);
  };
  std::string header;
  append(header, width, 4, true);
  append(header, height, 4, true);
  header += {8, static_cast<char>(color_type), 0, 0, 0};
  chunk("IHDR", header);
  std::string zlib = "\x78\x01\x01";
  append(zlib, rows.size(), 2, false);
  append(zlib, ~rows.size(), 2, false);
  zlib += rows;
  std::uint32_t a = 1, b = 0;
  for (const char c : rows) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  append(zlib, b << 16 | a, 4, true);
  chunk("IDAT", zlib);
  chunk("IEND", "");
  return file;
}

/// A grey JPEG of 8 x 8 pixels, all 128: one block whose only codes mean "no difference" and "end of block".
inline std::string jpeg(const std::string& after_scan = "", const std::string& before_scan = "") {
  const auto segment = [](int marker, const std::string& data) {
    std::string made{'\xff', static_cast<char>(marker)};
    append(made, data.size() + 2, 2, true);
    return made + data;
  };
  const std::string one_code = std::string(1, '\x01') + std::string(15, '\0') + std::string(1, '\0');
  return "\xff\xd8" + segment(0xdb, std::string(1, '\0') + std::string(64, '\x01')) +
         segment(0xc0, std::string("\x08\0\x08\0\x08\x01\x01\x11\0", 9)) +
         segment(0xc4, std::string(1, '\0') + one_code) + segment(0xc4, std::string(1, '\x10') + one_code) +
         before_scan + segment(0xda, std::string("\x01\x01\0\0\x3f\0", 6)) + "\x3f" + after_scan + "\xff\xd9";
}

/// A segment with one Huffman table: `counts` codes of each of the 16 lengths.
inline std::string huffman_segment(int counts) {
  std::string made{'\xff', '\xc4'};
  append(made, static_cast<std::uint64_t>(2 + 17 + 16 * counts), 2, true);
  return made + std::string(1, '\x03') + std::string(16, static_cast<char>(counts)) +
         std::string(static_cast<std::size_t>(16 * counts), '\0');
}

}  // namespace troupe::test
