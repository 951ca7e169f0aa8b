// ITU-T T.81, annex B.
#include "import/jpeg_tables.hpp"

#include <cstdint>

namespace troupe {
namespace {

constexpr unsigned codes_max = 256;

enum marker : unsigned { huffman_tables = 0xc4, start_of_scan = 0xda };

/// Reads as stb_image does: zeros behind the end, and tables as long as their counts say.
class table_reader {
public:
  explicit table_reader(std::span<const std::byte> file) : file_(file) {}

  bool all_fit() {
    if (byte_at(0) != 0xff) return true;
    while (at_ < file_.size()) {
      const unsigned found = next_marker();
      if (found == start_of_scan) return rest_fits();
      if (found == huffman_tables) {
        if (!tables_fit()) return false;
      } else if (has_length(found)) {
        at_ += length_at(at_);
      }
    }
    return true;
  }

private:
  unsigned byte_at(std::size_t i) const { return i < file_.size() ? std::to_integer<unsigned>(file_[i]) : 0; }
  std::size_t length_at(std::size_t i) const { return byte_at(i) << 8 | byte_at(i + 1); }

  /// The byte behind a 0xff that is neither padding nor part of the data; 0 at the end.
  unsigned next_marker() {
    while (at_ < file_.size() && byte_at(at_) != 0xff) ++at_;
    while (at_ < file_.size() && byte_at(at_) == 0xff) ++at_;
    return byte_at(at_++);
  }

  /// Start of frame, quantization tables, restart interval, application data, comments.
  static bool has_length(unsigned found) {
    return (found >= 0xc0 && found <= 0xc2) || found == 0xdb || found == 0xdd || (found >= 0xe0 && found <= 0xef) ||
           found == 0xfe;
  }

  bool tables_fit() {
    auto left = static_cast<std::int64_t>(length_at(at_)) - 2;
    at_ += 2;
    while (left > 0 && at_ < file_.size()) {
      unsigned codes = 0;
      for (std::size_t i = 1; i <= 16; ++i) codes += byte_at(at_ + i);
      if (codes > codes_max) return false;
      at_ += 17 + codes;
      left -= 17 + static_cast<std::int64_t>(codes);
    }
    return true;
  }

  /// Behind the first scan 0xff 0xc4 can only be a marker: the data has a zero after each 0xff.
  bool rest_fits() {
    for (std::size_t i = at_; i + 1 < file_.size(); ++i) {
      if (byte_at(i) != 0xff || byte_at(i + 1) != huffman_tables) continue;
      at_ = i + 2;
      if (!tables_fit()) return false;
    }
    return true;
  }

  std::span<const std::byte> file_;
  std::size_t at_ = 0;
};

}  // namespace

bool huffman_tables_fit(std::span<const std::byte> file) {
  return table_reader(file).all_fit();
}

}  // namespace troupe
