#include "fingerprint.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace troupe {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are hashed as they lie in memory");

result<std::uint64_t> first_bytes(std::span<const std::byte> data) {
  TROUPE_TRY(const content_hash hash, hash_of(data));
  std::uint64_t made = 0;
  std::memcpy(&made, hash.bytes.data(), sizeof made);
  return std::max<std::uint64_t>(made, 1);
}

}  // namespace

result<std::uint64_t> fingerprint_chain::begin(std::span<const token_id> prompt) const {
  std::vector<std::byte> data(model_.bytes.size() + prompt.size_bytes());
  std::memcpy(data.data(), model_.bytes.data(), model_.bytes.size());
  if (!prompt.empty()) std::memcpy(data.data() + model_.bytes.size(), prompt.data(), prompt.size_bytes());
  return first_bytes(data);
}

result<std::uint64_t> fingerprint_chain::next(std::uint64_t before, token_id token) const {
  std::array<std::byte, sizeof before + sizeof token + sizeof model_.bytes> data;
  std::memcpy(data.data(), &before, sizeof before);
  std::memcpy(data.data() + sizeof before, &token, sizeof token);
  std::memcpy(data.data() + sizeof before + sizeof token, model_.bytes.data(), model_.bytes.size());
  return first_bytes(data);
}

}  // namespace troupe
