// Chunks of weights in a folder, so that loading a model again moves nothing: ROOT/ab/cdef..., by the digits of their
// hashes. What is read is checked against its name; several processes may use one folder.
#pragma once

#include <filesystem>
#include <optional>

#include "troupe/engine/tensor.hpp"
#include "troupe/transport/weight_manifest.hpp"

namespace troupe {

/// Does blocking file operations: not for actors on the scheduler's threads. Not for several threads at once. Failures
/// cost a transfer and nothing else: a chunk that cannot be read is not there, one that cannot be written is not kept.
class chunk_cache {
public:
  /// Files of one folder that are looked at; with chunks of 4 MiB these are 4 TiB.
  static constexpr std::size_t files_max = std::size_t{1} << 20;

  /// `root` is made when it is needed; empty: nothing is kept. `bytes_max`: of all files, 0 keeps nothing.
  chunk_cache(std::filesystem::path root, std::uint64_t bytes_max);

  /// The chunk as uint8[n], marked as just used. One that is damaged is deleted.
  std::optional<tensor> read(const content_hash& hash);
  /// Keeps a chunk whose hash has been checked; the chunks that were not used for longest make room.
  void write(const content_hash& hash, std::span<const std::byte> bytes);

private:
  std::filesystem::path path_of(const content_hash& hash) const;
  /// Counts what is there, and deletes the oldest chunks until `wanted` bytes are free.
  void make_room(std::uint64_t wanted);

  std::filesystem::path root_;
  std::uint64_t bytes_max_;
  std::optional<std::uint64_t> used_;  ///< at the last count and by us since; nothing before the first count
};

}  // namespace troupe
