// How the demo draws: headings, the supervision tree, digits. Plain ASCII where the terminal knows no UTF-8, colour
// only on a terminal.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "troupe/engine/tensor.hpp"
#include "troupe/tree.hpp"

namespace troupe::demo {

class drawing {
public:
  /// Looks at the locale and at stdout.
  drawing();

  void section(const std::string& title);
  void line(const std::string& text) const;
  /// `text` with a mark of success or failure in front.
  void verdict(bool good, const std::string& text) const;
  void tree(const tree_node& root) const;

  struct digit {
    tensor picture;  ///< u8 [height, width, 1]
    std::string caption;
    bool good = true;
  };
  /// Side by side, two characters a pixel, each with its caption below.
  void digits(std::span<const digit> shown) const;

private:
  void branch(const tree_node& at, const std::string& indent, const std::string& stem,
              const std::string& stem_below) const;
  std::string coloured(const char* code, const std::string& text) const;
  std::string mark(bool good) const;

  bool utf8_ = false;
  bool colour_ = false;
  int sections_ = 0;
};

}  // namespace troupe::demo
