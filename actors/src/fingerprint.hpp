// Rolling fingerprints of streams: two sides that agree on one agree on the model, the prompt and every token so far.
#pragma once

#include <cstdint>
#include <span>

#include "troupe/engine/vocabulary.hpp"
#include "troupe/transport/content_hash.hpp"

namespace troupe {

/// F(0) is made of the model's hash and the prompt, F(t) of F(t-1), token t-1 and the model's hash. Each is the first 8
/// bytes, little-endian, of a SHA-256; never 0, which stands for none. `internal` when OpenSSL refuses.
class fingerprint_chain {
public:
  explicit fingerprint_chain(const content_hash& model) : model_(model) {}

  result<std::uint64_t> begin(std::span<const token_id> prompt) const;
  result<std::uint64_t> next(std::uint64_t before, token_id token) const;

  const content_hash& model() const noexcept { return model_; }

private:
  content_hash model_;
};

}  // namespace troupe
