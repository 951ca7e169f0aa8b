// Owners of OpenSSL's objects, and its errors as ours.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string_view>

#include "troupe/engine/result.hpp"
#include "troupe/transport/key_hash.hpp"

namespace troupe::wire {

/// `free_with<X_free>` as a deleter.
template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using private_key = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using certificate = std::unique_ptr<X509, free_with<X509_free>>;

struct key_material {
  private_key key;
  certificate shown;  ///< carries the public key to peers
  key_hash hash;
};

/// SHA-256 of the key's SubjectPublicKeyInfo.
result<key_hash> hash_of(EVP_PKEY* public_key);

/// `internal`, with what OpenSSL says about it; empties OpenSSL's list of errors of this thread.
error openssl_failure(std::string_view doing);

}  // namespace troupe::wire
