// How the elements of a tensor lie in device memory, and what operators say about it.
#pragma once

#include <vector>

#include "troupe/engine/shape.hpp"

namespace troupe {

enum class memory_layout : std::uint8_t {
  plain,  ///< row-major
  /// [N, C, spatial...] as [N, ceil(C / 8), spatial..., 8]: eight neighbouring channels of one position are one word.
  /// Channels past the last are zeros. Convolutions read and write it without rearranging anything.
  blocks,
};

/// True for shapes that can lie in blocks: [N, C, at least one more axis].
bool has_blocks(const shape& dims) noexcept;

/// Elements that `dims` takes up in a layout.
std::int64_t stored_elements(memory_layout layout, const shape& dims) noexcept;

/// True when both layouts put the same elements at the same places: one position, and no channel missing in a block.
bool layouts_coincide(const shape& dims) noexcept;

/// What a node can do with operands and results in blocks. Operands and results that are not listed are plain.
struct layout_offer {
  enum class mode : std::uint8_t {
    plain,   ///< reads and writes plain tensors only
    follow,  ///< either way with the same bits, as most of its listed operands lie already
    blocks,  ///< always as listed
  };
  mode when = mode::plain;
  std::vector<bool> inputs, outputs;  ///< by position: true where it reads or writes blocks
};

}  // namespace troupe
