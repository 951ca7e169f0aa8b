// The contents of a tls_context.
#pragma once

#include "tls/socket_bio.hpp"
#include "tls/tls_context.hpp"

namespace troupe::wire {

using ssl_context = std::unique_ptr<SSL_CTX, free_with<SSL_CTX_free>>;

struct tls_context::shared_state {
  side which;
  credentials mine;
  bio_method method;
  ssl_context context;
};

}  // namespace troupe::wire
