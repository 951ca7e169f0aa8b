// Who a machine is: its key pair.
#pragma once

#include <filesystem>
#include <memory>

#include "troupe/transport/key_hash.hpp"

namespace troupe::wire {

/// The OpenSSL objects behind an identity; see src/identity/key_material.hpp.
struct key_material;

/// An Ed25519 key pair with a certificate that it signs itself. The certificate only carries the key: peers look at the
/// hash of the public key and at nothing else. A value; copies share the key. Safe to use from several threads.
class identity {
public:
  /// A new one that is kept nowhere.
  static result<identity> make();

  /// The one in `directory`/identity.pem (PKCS #8, readable by its owner alone), which is made when it is not there,
  /// with the directory (mode 0700). Of several processes that start at once all get the same. `invalid_argument` when
  /// the file is not such a key or others may read it; `unavailable` when it cannot be read or written.
  static result<identity> load_or_make(const std::filesystem::path& directory);

  const key_hash& key() const noexcept;
  const key_material& material() const noexcept { return *material_; }

private:
  explicit identity(std::shared_ptr<const key_material> material) : material_(std::move(material)) {}
  std::shared_ptr<const key_material> material_;
};

}  // namespace troupe::wire
