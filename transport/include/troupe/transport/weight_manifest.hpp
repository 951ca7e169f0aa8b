// How the weights of a part are cut into chunks that are moved, checked and cached one by one.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/transport/content_hash.hpp"

namespace troupe {

/// Bytes of a chunk: 40 ms at 1 Gbit/s, so little is lost when a transfer is cut, and the hash is a small part of it.
inline constexpr std::size_t chunk_bytes_max = std::size_t{4} << 20;
/// Chunks of one part: 256 GiB of weights, more than a machine we aim at holds.
inline constexpr std::size_t chunks_of_part_max = 65'536;

struct weight_chunk {
  content_hash hash;
  std::uint32_t bytes = 0;  ///< 1 to `chunk_bytes_max`
  friend bool operator==(const weight_chunk&, const weight_chunk&) = default;
};

/// Where the bytes of one constant are: from `offset` in chunk `chunk` on, going on at the start of the next chunks.
struct weight_place {
  value_id value = no_value;
  dtype type = dtype::f32;
  shape dims;
  std::uint32_t chunk = 0;
  std::uint32_t offset = 0;

  std::size_t byte_size() const noexcept { return static_cast<std::size_t>(dims.elements()) * size_of(type); }
  friend bool operator==(const weight_place&, const weight_place&) = default;
};

/// The weights of a part by reference. They are in the order of the chunks' bytes and do not overlap.
struct weight_manifest {
  std::vector<weight_place> weights;
  std::vector<weight_chunk> chunks;

  /// Bytes of all chunks.
  std::uint64_t byte_size() const noexcept;
  friend bool operator==(const weight_manifest&, const weight_manifest&) = default;
};

/// A run of bytes of one constant in one chunk.
struct weight_piece {
  std::size_t weight = 0;  ///< index into `weight_manifest::weights`
  std::size_t from = 0;    ///< first byte in the constant
  std::size_t offset = 0;  ///< first byte in the chunk
  std::size_t bytes = 0;
};

/// The pieces of each chunk, in order. The manifest must be valid.
std::vector<std::vector<weight_piece>> pieces_of(const weight_manifest& manifest);

/// Finds chunks by name. Equal chunks of one part have one name.
class chunk_index {
public:
  using entry = std::pair<content_hash, std::uint32_t>;  ///< name, index into `weight_manifest::chunks`
  chunk_index() = default;
  explicit chunk_index(const std::vector<weight_chunk>& chunks);
  std::span<const entry> find(const content_hash& hash) const;

private:
  std::vector<entry> entries_;  // sorted
};

/// Checks a manifest that came from outside, and that it fits `skeleton`: a graph in which the constants of the
/// manifest are the last inputs, in the manifest's order (see `packed_weights`). Needs time in proportion to its size.
result<void> validate(const weight_manifest& manifest, const graph& skeleton);

}  // namespace troupe
