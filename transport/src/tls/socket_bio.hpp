// Lets OpenSSL use a socket the way the rest of this module does: without signals, and with its errors kept.
#pragma once

#include <openssl/bio.h>

#include <memory>

#include "identity/key_material.hpp"

namespace troupe::wire {

/// The connection that OpenSSL reads and writes. It must outlive the BIO.
struct bio_socket {
  int descriptor = -1;
  int failure = 0;     ///< errno of the last call that failed for good
  bool ended = false;  ///< the peer sends nothing more
};

using bio_method = std::unique_ptr<BIO_METHOD, free_with<BIO_meth_free>>;
result<bio_method> make_bio_method();

/// A BIO that uses `over`; nothing when memory is out.
BIO* make_bio(const BIO_METHOD* method, bio_socket& over);

}  // namespace troupe::wire
