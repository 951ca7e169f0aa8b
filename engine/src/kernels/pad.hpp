// How Pad extends (or, with negative pads, trims) each axis.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Numbered as in pad.comp.
enum class pad_mode : std::uint32_t { constant = 0, reflect = 1, edge = 2, wrap = 3 };

/// Element i of axis k of the result is at `i - before[k]` of the operand; the mode says what is outside.
struct pad_plan {
  pad_mode mode = pad_mode::constant;
  std::vector<std::int64_t> before;
  shape dims;
};

result<pad_plan> read_pad(const node_view& view);

}  // namespace troupe
