// What all TLS connections of one side share: this machine's key, whom it trusts, and the rules.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>

#include "identity/key_material.hpp"
#include "tcp/byte_stream.hpp"
#include "tcp/descriptor.hpp"
#include "troupe/transport/tcp.hpp"

namespace troupe::wire {

/// TLS 1.3 and nothing older; both sides show a certificate that carries an Ed25519 key; a key is believed when the
/// trust store has its hash, whatever else the certificate says. No authorities, no resumption, no early data, and the
/// application protocol "troupe/1". A value; copies share the context. Safe to use from several threads.
class tls_context {
public:
  enum class side { connecting, accepting };
  static result<tls_context> make(side which, const credentials& mine);

  /// A stream over a connected socket, not open yet. `expected`: nobody but the owner of this key will do.
  result<std::unique_ptr<byte_stream>> wrap(file_descriptor socket, std::optional<key_hash> expected = {}) const;

private:
  struct shared_state;
  explicit tls_context(std::shared_ptr<const shared_state> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<const shared_state> shared_;
  friend class tls_stream;
};

/// What `options` hold, or an error that says why they are needed.
result<credentials> need_credentials(const tcp_options& options);

}  // namespace troupe::wire
