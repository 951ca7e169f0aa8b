#include "troupe/engine/memory_layout.hpp"

namespace troupe {

bool has_blocks(const shape& dims) noexcept {
  return dims.rank() >= 3;
}

std::int64_t stored_elements(memory_layout layout, const shape& dims) noexcept {
  if (layout == memory_layout::plain) return dims.elements();
  return dims[0] * ((dims[1] + 7) / 8 * 8) * dims.elements(2, dims.rank());
}

bool layouts_coincide(const shape& dims) noexcept {
  return has_blocks(dims) && dims[1] % 8 == 0 && dims.elements(2, dims.rank()) == 1;
}

}  // namespace troupe
