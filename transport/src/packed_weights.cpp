#include "troupe/transport/packed_weights.hpp"

#include <algorithm>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Which constants go where; the chunks have sizes and no hashes yet.
weight_manifest lay_out(const graph& network) {
  weight_manifest made;
  for (const auto& [id, data] : network.constants) {
    if (data.bytes().size() <= packed_weights::inline_bytes_max) continue;
    const std::size_t used = made.chunks.empty() ? chunk_bytes_max : made.chunks.back().bytes;
    if (data.byte_size() > chunk_bytes_max - used) made.chunks.emplace_back();
    made.weights.push_back(
        {id, data.type(), data.dims(), static_cast<std::uint32_t>(made.chunks.size() - 1), made.chunks.back().bytes});
    for (std::size_t left = data.byte_size(); left > 0;) {
      if (made.chunks.back().bytes == chunk_bytes_max) made.chunks.emplace_back();
      const std::size_t taken = std::min(left, chunk_bytes_max - made.chunks.back().bytes);
      made.chunks.back().bytes += static_cast<std::uint32_t>(taken);
      left -= taken;
    }
  }
  return made;
}

/// The bytes of one chunk: shared when they are those of one constant, else copied together.
result<tensor> chunk_of(const graph& network, const weight_manifest& manifest, const std::vector<weight_piece>& pieces,
                        std::size_t size) {
  const shape dims{static_cast<std::int64_t>(size)};
  const auto data_of = [&](const weight_piece& piece) -> const tensor& {
    return network.constants.at(manifest.weights[piece.weight].value);
  };
  if (pieces.size() == 1 && pieces.front().bytes == size) {
    const auto& storage = data_of(pieces.front()).storage();
    return tensor::from_shared(dtype::u8, dims,
                               std::shared_ptr<const std::byte>(storage, storage.get() + pieces.front().from), size);
  }
  TROUPE_TRY(tensor made, tensor::make(dtype::u8, dims));
  const auto to = made.mutable_bytes();
  for (const weight_piece& piece : pieces)
    std::memcpy(to.data() + piece.offset, data_of(piece).bytes().data() + piece.from, piece.bytes);
  return made;
}

}  // namespace

packed_weights::packed_weights(std::shared_ptr<const graph> network, graph skeleton, weight_manifest manifest)
    : network_(std::move(network)),
      skeleton_(std::move(skeleton)),
      manifest_(std::move(manifest)),
      pieces_(pieces_of(manifest_)),
      index_(manifest_.chunks) {}

result<std::shared_ptr<const packed_weights>> packed_weights::pack(std::shared_ptr<const graph> network) {
  weight_manifest manifest = lay_out(*network);
  if (manifest.chunks.size() > chunks_of_part_max)
    return fail(errc::unsupported, "the weights of a part take {} chunks of {} bytes; {} are possible: use more shards",
                manifest.chunks.size(), chunk_bytes_max, chunks_of_part_max);
  const auto pieces = pieces_of(manifest);
  for (std::size_t i = 0; i < manifest.chunks.size(); ++i) {
    TROUPE_TRY(const tensor bytes, chunk_of(*network, manifest, pieces[i], manifest.chunks[i].bytes));
    TROUPE_TRY(manifest.chunks[i].hash, hash_of(bytes.bytes()));
  }
  graph skeleton = *network;
  for (const weight_place& place : manifest.weights) {
    skeleton.constants.erase(place.value);
    skeleton.inputs.push_back(place.value);
  }
  return std::make_shared<const packed_weights>(std::move(network), std::move(skeleton), std::move(manifest));
}

std::optional<result<tensor>> packed_weights::find(const content_hash& hash) const {
  const auto found = index_.find(hash);
  if (found.empty()) return std::nullopt;
  const std::size_t chunk = found.front().second;
  return chunk_of(*network_, manifest_, pieces_[chunk], manifest_.chunks[chunk].bytes);
}

result<weight_assembly> weight_assembly::begin(graph skeleton, weight_manifest manifest) {
  weight_assembly made;
  for (const weight_place& place : manifest.weights) {
    TROUPE_TRY(tensor room, tensor::make_uninitialized(place.type, place.dims));
    made.tensors_.push_back(std::move(room));
  }
  made.skeleton_ = std::move(skeleton);
  made.manifest_ = std::move(manifest);
  made.pieces_ = pieces_of(made.manifest_);
  made.index_ = chunk_index(made.manifest_.chunks);
  return made;
}

result<std::size_t> weight_assembly::put(const content_hash& hash, std::span<const std::byte> bytes) {
  std::size_t placed = 0;
  for (const auto& [name, i] : index_.find(hash)) {
    if (manifest_.chunks[i].bytes != bytes.size())
      return fail(errc::invalid_argument, "the chunk {} has {} bytes where the manifest of its part says {}",
                  hash.to_hex(), bytes.size(), manifest_.chunks[i].bytes);
    for (const weight_piece& piece : pieces_[i])
      std::memcpy(tensors_[piece.weight].mutable_bytes().data() + piece.from, bytes.data() + piece.offset, piece.bytes);
    placed += bytes.size();
  }
  return placed;
}

result<std::shared_ptr<const packed_weights>> weight_assembly::finish() && {
  auto network = std::make_shared<graph>(skeleton_);
  for (std::size_t i = 0; i < manifest_.weights.size(); ++i) {
    const tensor& data = tensors_[i];
    // Other values than 0 and 1 are not values of a C++ bool.
    if (data.type() == dtype::boolean &&
        std::any_of(data.bytes().begin(), data.bytes().end(), [](std::byte b) { return b > std::byte{1}; }))
      return fail(errc::invalid_argument, "the weight \"{}\" is boolean and holds a byte other than 0 and 1",
                  network->values[manifest_.weights[i].value].name);
    network->constants.emplace(manifest_.weights[i].value, data);
  }
  network->inputs.resize(network->inputs.size() - manifest_.weights.size());
  TROUPE_CHECK(validate(*network).while_doing("putting a part together from its chunks"));
  return std::make_shared<const packed_weights>(std::move(network), std::move(skeleton_), std::move(manifest_));
}

}  // namespace troupe
