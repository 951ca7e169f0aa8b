// The weights of a part as chunks: taken apart where the model is, put together where the part runs.
#pragma once

#include <memory>
#include <optional>

#include "troupe/transport/weight_manifest.hpp"

namespace troupe {

/// A part and how its weights are cut. Every constant of more than `inline_bytes_max` bytes lies in chunks: one that
/// does not fit in what is left of a chunk begins the next, so that equal tensors give equal chunks wherever a model is
/// cut. Immutable; safe to use from any thread.
class packed_weights {
public:
  /// Smaller constants stay in the graph.
  static constexpr std::size_t inline_bytes_max = 4096;

  /// Cuts and hashes, which takes about a second for a gigabyte: not for actors' threads.
  static result<std::shared_ptr<const packed_weights>> pack(std::shared_ptr<const graph> network);
  /// For a part that was put together from `skeleton` and `manifest`: nothing is hashed again.
  packed_weights(std::shared_ptr<const graph> network, graph skeleton, weight_manifest manifest);

  const std::shared_ptr<const graph>& network() const noexcept { return network_; }
  /// The part without the constants of the manifest, which are its last inputs instead.
  const graph& skeleton() const noexcept { return skeleton_; }
  const weight_manifest& manifest() const noexcept { return manifest_; }

  /// The bytes of the chunk of this name, as uint8[n]; they are shared, or copied when several constants lie in it.
  /// Nothing when there is no such chunk.
  std::optional<result<tensor>> find(const content_hash& hash) const;

private:
  std::shared_ptr<const graph> network_;
  graph skeleton_;
  weight_manifest manifest_;
  std::vector<std::vector<weight_piece>> pieces_;
  chunk_index index_;
};

/// A part whose weights arrive chunk by chunk, in any order, each straight into its place.
class weight_assembly {
public:
  /// Allocates the constants. The manifest must have been checked against the skeleton; `out_of_memory` when the host
  /// cannot hold them.
  static result<weight_assembly> begin(graph skeleton, weight_manifest manifest);

  const weight_manifest& manifest() const noexcept { return manifest_; }
  /// Puts `bytes`, whose hash has been checked, wherever the manifest has the chunk of this name; gives how many of the
  /// manifest's bytes these are. An error when their number is not what the manifest says.
  result<std::size_t> put(const content_hash& hash, std::span<const std::byte> bytes);
  /// When every chunk has been put: the part, ready to run and to be given on.
  result<std::shared_ptr<const packed_weights>> finish() &&;

private:
  graph skeleton_;
  weight_manifest manifest_;
  std::vector<std::vector<weight_piece>> pieces_;
  chunk_index index_;
  std::vector<tensor> tensors_;
};

}  // namespace troupe
