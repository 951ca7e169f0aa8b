// Records about weights that travel in chunks.
#include <algorithm>
#include <array>

#include "codec/record_codec.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t hash_bytes = sizeof(content_hash::bytes);

void copy_hash(const kj::byte* from, content_hash& into) {
  std::copy_n(from, hash_bytes, into.bytes.begin());
}

}  // namespace

result<void> write(const weight_manifest& record, schema::WeightManifest::Builder to) {
  if (record.chunks.size() > chunks_of_part_max || record.weights.size() > list_elements_max)
    return fail(errc::invalid_argument, "a part's weights have {} chunks; at most {} are allowed", record.chunks.size(),
                chunks_of_part_max);
  auto hashes = to.initHashes(static_cast<unsigned>(hash_bytes * record.chunks.size()));
  auto sizes = to.initChunkBytes(static_cast<unsigned>(record.chunks.size()));
  for (unsigned i = 0; i < sizes.size(); ++i) {
    std::copy_n(record.chunks[i].hash.bytes.begin(), hash_bytes, hashes.begin() + hash_bytes * i);
    sizes.set(i, record.chunks[i].bytes);
  }
  auto weights = to.initWeights(static_cast<unsigned>(record.weights.size()));
  for (unsigned i = 0; i < weights.size(); ++i) {
    const weight_place& place = record.weights[i];
    weights[i].setValue(place.value);
    weights[i].setType(static_cast<std::uint8_t>(place.type));
    weights[i].setChunk(place.chunk);
    weights[i].setOffset(place.offset);
    const auto extents = place.dims.extents();
    auto dims = weights[i].initDims(static_cast<unsigned>(extents.size()));
    for (unsigned k = 0; k < dims.size(); ++k) dims.set(k, extents[k]);
  }
  return {};
}

result<void> read(schema::WeightManifest::Reader from, weight_manifest& into, record_reader& with) {
  const auto hashes = from.getHashes();
  const auto sizes = from.getChunkBytes();
  if (hashes.size() != hash_bytes * sizes.size())
    return fail(errc::invalid_argument, "a manifest names {} chunks with {} bytes of hashes", sizes.size(),
                hashes.size());
  TROUPE_CHECK(with.charge(sizes.size(), sizeof(weight_chunk)));
  into.chunks.resize(sizes.size());
  for (unsigned i = 0; i < sizes.size(); ++i) {
    copy_hash(hashes.begin() + hash_bytes * i, into.chunks[i].hash);
    into.chunks[i].bytes = sizes[i];
  }
  const auto weights = from.getWeights();
  TROUPE_CHECK(with.charge(weights.size(), sizeof(weight_place)));
  into.weights.resize(weights.size());
  for (unsigned i = 0; i < weights.size(); ++i) {
    weight_place& place = into.weights[i];
    place.value = weights[i].getValue();
    TROUPE_TRY(place.type, with.element_type(weights[i].getType()));
    TROUPE_TRY(place.dims, with.dims(weights[i].getDims()));
    place.chunk = weights[i].getChunk();
    place.offset = weights[i].getOffset();
  }
  return {};
}

result<void> write(const chunk_request& record, schema::ChunkRequest::Builder to, record_writer&) {
  auto hash = to.initHash(hash_bytes);
  std::copy(record.hash.bytes.begin(), record.hash.bytes.end(), hash.begin());
  return {};
}

result<void> read(schema::ChunkRequest::Reader from, chunk_request& into, record_reader&) {
  const auto hash = from.getHash();
  if (hash.size() != hash_bytes)
    return fail(errc::invalid_argument, "the hash of a chunk has {} bytes; {} are needed", hash.size(), hash_bytes);
  copy_hash(hash.begin(), into.hash);
  return {};
}

result<void> write(const chunk& record, schema::Chunk::Builder to, record_writer& with) {
  return with.write(record.data, to.initData());
}

result<void> read(schema::Chunk::Reader from, chunk& into, record_reader& with) {
  TROUPE_CHECK(with.read(from.getData(), into.data));
  if (into.data.type() != dtype::u8 || into.data.dims().rank() != 1 || into.data.byte_size() > chunk_bytes_max)
    return fail(errc::invalid_argument, "a chunk of weights is {}; uint8[n] with n to {} is expected",
                into.data.describe(), chunk_bytes_max);
  return {};
}

result<void> write(const part_progress& record, schema::PartProgress::Builder to, record_writer&) {
  to.setPlanId(record.plan_id);
  to.setPart(record.part);
  to.setHost(record.host);
  to.setBytesDone(record.bytes_done);
  to.setBytesTotal(record.bytes_total);
  to.setBytesMoved(record.bytes_moved);
  return {};
}

result<void> read(schema::PartProgress::Reader from, part_progress& into, record_reader&) {
  into.plan_id = from.getPlanId();
  into.part = from.getPart();
  into.host = from.getHost();
  into.bytes_done = from.getBytesDone();
  into.bytes_total = from.getBytesTotal();
  into.bytes_moved = from.getBytesMoved();
  return {};
}

}  // namespace troupe::wire
