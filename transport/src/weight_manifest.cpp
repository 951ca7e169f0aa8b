#include "troupe/transport/weight_manifest.hpp"

#include <algorithm>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// A place in the bytes of all chunks.
struct cursor {
  std::size_t chunk = 0, offset = 0;
  friend auto operator<=>(const cursor&, const cursor&) = default;
};

/// Calls `visit(chunk, offset, bytes)` for each run of `bytes` bytes from `at` on; false when the chunks end before.
template <class Visit>
bool walk(const std::vector<weight_chunk>& chunks, cursor& at, std::size_t bytes, Visit visit) {
  while (bytes > 0) {
    if (at.chunk >= chunks.size()) return false;
    const std::size_t taken = std::min(bytes, chunks[at.chunk].bytes - at.offset);
    if (taken > 0) visit(at.chunk, at.offset, taken);
    bytes -= taken;
    at.offset += taken;
    if (at.offset == chunks[at.chunk].bytes) at = {at.chunk + 1, 0};
  }
  return true;
}

}  // namespace

chunk_index::chunk_index(const std::vector<weight_chunk>& chunks) {
  entries_.reserve(chunks.size());
  for (std::uint32_t i = 0; i < chunks.size(); ++i) entries_.emplace_back(chunks[i].hash, i);
  std::sort(entries_.begin(), entries_.end());
}

std::span<const chunk_index::entry> chunk_index::find(const content_hash& hash) const {
  const auto first = std::lower_bound(entries_.begin(), entries_.end(), entry{hash, 0});
  const auto last = std::find_if(first, entries_.end(), [&](const entry& each) { return each.first != hash; });
  return {first, last};
}

std::uint64_t weight_manifest::byte_size() const noexcept {
  std::uint64_t total = 0;
  for (const weight_chunk& chunk : chunks) total += chunk.bytes;
  return total;
}

std::vector<std::vector<weight_piece>> pieces_of(const weight_manifest& manifest) {
  std::vector<std::vector<weight_piece>> made(manifest.chunks.size());
  for (std::size_t weight = 0; weight < manifest.weights.size(); ++weight) {
    const weight_place& place = manifest.weights[weight];
    cursor at{place.chunk, place.offset};
    std::size_t from = 0;
    walk(manifest.chunks, at, place.byte_size(), [&](std::size_t chunk, std::size_t offset, std::size_t bytes) {
      made[chunk].push_back({weight, from, offset, bytes});
      from += bytes;
    });
  }
  return made;
}

result<void> validate(const weight_manifest& manifest, const graph& skeleton) {
  constexpr errc wrong = errc::invalid_argument;
  if (manifest.chunks.size() > chunks_of_part_max)
    return fail(wrong, "a part's weights have {} chunks; at most {} are allowed", manifest.chunks.size(),
                chunks_of_part_max);
  for (const weight_chunk& chunk : manifest.chunks)
    if (chunk.bytes == 0 || chunk.bytes > chunk_bytes_max)
      return fail(wrong, "a chunk of weights has {} bytes; 1 to {} are allowed", chunk.bytes, chunk_bytes_max);
  if (manifest.weights.size() > skeleton.inputs.size())
    return fail(wrong, "a part's manifest names {} weights, and its graph takes {} values", manifest.weights.size(),
                skeleton.inputs.size());
  const std::size_t first = skeleton.inputs.size() - manifest.weights.size();
  cursor at;
  for (std::size_t i = 0; i < manifest.weights.size(); ++i) {
    const weight_place& place = manifest.weights[i];
    if (place.value != skeleton.inputs[first + i])
      return fail(wrong, "weight {} of a manifest is the value {}, where the graph takes {}", i, place.value,
                  skeleton.inputs[first + i]);
    if (!is_valid(place.type))
      return fail(wrong, "weight {} of a manifest has the unknown element type {}", i, static_cast<int>(place.type));
    const cursor begin{place.chunk, place.offset};
    // Each byte belongs to one weight at most, so that a short manifest cannot ask for much memory.
    if (begin < at) return fail(wrong, "weight {} of a manifest overlaps the one before", i);
    if (place.chunk >= manifest.chunks.size() || place.offset >= manifest.chunks[place.chunk].bytes)
      return fail(wrong, "weight {} of a manifest begins at byte {} of chunk {}, which is not there", i, place.offset,
                  place.chunk);
    at = begin;
    if (!walk(manifest.chunks, at, place.byte_size(), [](auto...) {}))
      return fail(wrong, "weight {} of a manifest has {} bytes, more than the chunks from {} on", i, place.byte_size(),
                  place.chunk);
  }
  return {};
}

}  // namespace troupe
