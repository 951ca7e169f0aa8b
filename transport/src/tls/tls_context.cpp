#include "tls/tls_context.hpp"

#include <array>

#include "tls/shared_state.hpp"
#include "tls/tls_stream.hpp"

namespace troupe::wire {
namespace {

// As ALPN wants it: a length and a name.
constexpr std::array<unsigned char, 9> protocols{8, 't', 'r', 'o', 'u', 'p', 'e', '/', '1'};
// A certificate of ours has about 300 bytes. What a stranger may make OpenSSL keep is little more.
constexpr long certificates_bytes_max = 4096;
// Several records for each call of the kernel.
constexpr std::size_t read_buffer_bytes = std::size_t{64} << 10;

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, length, protocols.data(), protocols.size(), offered, size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

/// Instead of OpenSSL's own search for authorities.
int judge_certificate(X509_STORE_CTX* about, void*) {
  const auto* session = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(about, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* stream = static_cast<tls_stream*>(SSL_get_app_data(session));
  if (stream->judge(X509_STORE_CTX_get0_cert(about))) return 1;
  X509_STORE_CTX_set_error(about, X509_V_ERR_CERT_REJECTED);  // the alert "bad certificate"
  return 0;
}

bool set_rules(SSL_CTX* context, tls_context::side which) {
  SSL_CTX_set_options(
      context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, judge_certificate, nullptr);
  SSL_CTX_set_max_cert_list(context, certificates_bytes_max);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, read_buffer_bytes);
  const bool done =
      SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
      SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
      SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") ==
          1 &&
      SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1;
  if (which == tls_context::side::accepting) {
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    return done;
  }
  return done && SSL_CTX_set_alpn_protos(context, protocols.data(), protocols.size()) == 0;
}

}  // namespace

result<tls_context> tls_context::make(side which, const credentials& mine) {
  TROUPE_TRY(bio_method method, make_bio_method());
  ssl_context context(SSL_CTX_new(which == side::accepting ? TLS_server_method() : TLS_client_method()));
  const key_material& keys = mine.self.material();
  if (!context || !set_rules(context.get(), which) || SSL_CTX_use_certificate(context.get(), keys.shown.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), keys.key.get()) != 1)
    return openssl_failure("TLS cannot be set up");
  return tls_context(
      std::make_shared<const shared_state>(shared_state{which, mine, std::move(method), std::move(context)}));
}

result<std::unique_ptr<byte_stream>> tls_context::wrap(file_descriptor socket, std::optional<key_hash> expected) const {
  auto made = std::make_unique<tls_stream>(shared_, shared_->which, std::move(socket), expected);
  TROUPE_CHECK(made->start());
  return std::unique_ptr<byte_stream>(std::move(made));
}

result<credentials> need_credentials(const tcp_options& options) {
  if (options.credentials) return *options.credentials;
  return error(errc::invalid_argument,
               "links to other machines need this machine's key, and no state directory is given that holds it; give "
               "one, or use 127.0.0.1");
}

}  // namespace troupe::wire
