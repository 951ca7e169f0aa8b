#include "tls/tls_stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "tls/shared_state.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

/// Bytes of one TLS record.
constexpr std::size_t record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;

/// The bytes of several pieces, in records: one that lies in a single piece is used where it is, others are copied.
class record_cutter {
public:
  record_cutter(std::span<const std::span<const std::byte>> pieces, std::vector<std::byte>& room)
      : pieces_(pieces), room_(room) {}

  /// The record from here on; the same again until `advance`. Empty at the end.
  std::span<const std::byte> record() {
    while (!pieces_.empty() && offset_ == pieces_.front().size()) next_piece();
    if (pieces_.empty()) return {};
    const auto first = pieces_.front().subspan(offset_);
    if (first.size() >= record_bytes || pieces_.size() == 1) return first.first(std::min(first.size(), record_bytes));
    room_.resize(record_bytes);
    std::size_t filled = 0;
    std::size_t from = offset_;
    for (const auto piece : pieces_) {
      const std::size_t count = std::min(piece.size() - from, record_bytes - filled);
      std::memcpy(room_.data() + filled, piece.data() + from, count);
      filled += count;
      from = 0;
      if (filled == record_bytes) break;
    }
    return std::span<const std::byte>(room_).first(filled);
  }

  void advance(std::size_t count) {
    while (count > 0) {
      const std::size_t taken = std::min(count, pieces_.front().size() - offset_);
      count -= taken;
      offset_ += taken;
      if (offset_ == pieces_.front().size()) next_piece();
    }
  }

private:
  void next_piece() {
    pieces_ = pieces_.subspan(1);
    offset_ = 0;
  }

  std::span<const std::span<const std::byte>> pieces_;
  std::size_t offset_ = 0;
  std::vector<std::byte>& room_;
};

std::string_view advice_to_pair() {
  return "run `troupe pair` on both machines";
}

}  // namespace

result<void> tls_stream::start() {
  session_.reset(SSL_new(shared_->context.get()));
  BIO* bio = make_bio(shared_->method.get(), channel_);
  if (!session_ || !bio) {
    BIO_free(bio);
    return openssl_failure("a TLS connection cannot be made");
  }
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_app_data(session_.get(), this);
  if (side_ == tls_context::side::accepting)
    SSL_set_accept_state(session_.get());
  else
    SSL_set_connect_state(session_.get());
  return {};
}

result<bool> tls_stream::open() {
  if (is_open_) return true;
  const std::lock_guard guard(mutex_);
  ERR_clear_error();
  const int outcome = SSL_do_handshake(session_.get());
  if (outcome != 1) {
    opening_events_ = SSL_get_error(session_.get(), outcome) == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    TROUPE_CHECK(problem_of(outcome));
    return false;
  }
  // A server that knows no application protocols answers without one.
  const unsigned char* protocol = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(session_.get(), &protocol, &length);
  if (length == 0) return fail(errc::invalid_argument, "the peer does not speak Troupe's protocol within TLS");
  // Nothing is opened whose key was not looked at, whatever OpenSSL thinks.
  if (!proof_.key) return fail(errc::internal, "a TLS connection opens without the peer's key");
  is_open_ = true;
  opening_events_ = 0;
  holds_bytes_ = true;
  return true;
}

bool tls_stream::judge(X509* shown) {
  auto outcome = judge_key(shown);
  if (!outcome) refusal_ = std::move(outcome).error();
  return outcome.has_value();
}

result<void> tls_stream::judge_key(X509* shown) {
  EVP_PKEY* key = shown ? X509_get0_pubkey(shown) : nullptr;
  if (!key) return fail(errc::invalid_argument, "the peer shows no key");
  TROUPE_TRY(const key_hash hash, hash_of(key));
  if (expected_ && hash != *expected_)
    return fail(errc::invalid_argument, "the machine that answers has the key {} and not {}, which is expected there",
                short_name(hash), short_name(*expected_));
  TROUPE_TRY(const auto role, role_of(hash));
  if (!role)
    return fail(errc::invalid_argument, "the machine with the key {} is not paired with this one; {}", short_name(hash),
                advice_to_pair());
  proof_ = {hash, *role};
  return {};
}

result<std::optional<peer_role>> tls_stream::role_of(const key_hash& key) const {
  // Another process of this machine, which reached it by an address of its network.
  if (key == shared_->mine.self.key()) return std::optional(peer_role::coordinator);
  TROUPE_TRY(const auto known, shared_->mine.trusted.find(key));
  return known ? std::optional(known->role) : std::nullopt;
}

result<void> tls_stream::check_trust() {
  TROUPE_TRY(const auto role, role_of(proof_.key));
  if (!role)
    return fail(errc::unavailable, "the machine with the key {} is not paired with this one any more",
                short_name(proof_.key));
  if (*role != proof_.role)
    return fail(errc::unavailable, "the machine with the key {} has another role now", short_name(proof_.key));
  return {};
}

result<std::size_t> tls_stream::read(std::span<std::byte> into) {
  const std::lock_guard guard(mutex_);
  ERR_clear_error();
  std::size_t count = 0;
  const int outcome = SSL_read_ex(session_.get(), into.data(), into.size(), &count);
  holds_bytes_ = outcome == 1;
  if (outcome != 1) TROUPE_CHECK(problem_of(outcome));
  return count;
}

result<std::size_t> tls_stream::write(std::span<const std::span<const std::byte>> pieces) {
  const std::lock_guard guard(mutex_);
  record_cutter cutter(pieces, record_);
  for (std::size_t total = 0;;) {
    const auto record = cutter.record();
    if (record.empty()) return total;
    ERR_clear_error();
    std::size_t count = 0;
    const int outcome = SSL_write_ex(session_.get(), record.data(), record.size(), &count);
    if (outcome != 1) {
      // OpenSSL keeps the record that it could not send whole, and wants it again: so it does not count yet.
      if (auto problem = problem_of(outcome); !problem && total == 0) return std::move(problem).error();
      return total;
    }
    cutter.advance(count);
    total += count;
  }
}

void tls_stream::finish_writing() noexcept {
  const std::lock_guard guard(mutex_);
  if (is_open_) static_cast<void>(SSL_shutdown(session_.get()));
  ERR_clear_error();
  ::shutdown(socket_.get(), SHUT_WR);
}

result<void> tls_stream::problem_of(int outcome) {
  const int kind = SSL_get_error(session_.get(), outcome);
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return {};
  auto reason = what_went_wrong(kind);
  is_open_ = false;  // nothing more may be sent, a farewell included
  ERR_clear_error();
  return reason;
}

error tls_stream::what_went_wrong(int kind) {
  if (refusal_) return *refusal_;
  if (channel_.failure != 0)
    return fail(errc::unavailable, "the connection is lost: {}", std::strerror(channel_.failure));
  if (kind == SSL_ERROR_ZERO_RETURN || channel_.ended)
    return fail(errc::unavailable, "the peer has ended the connection without a farewell");
  const auto code = ERR_peek_error();
  switch (ERR_GET_REASON(code)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      return fail(errc::invalid_argument, "the machine that answers is not paired with this one; {}", advice_to_pair());
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return fail(errc::invalid_argument, "the peer does not speak TLS 1.3, which every link between machines needs");
    case SSL_R_NO_APPLICATION_PROTOCOL:
    case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
      return fail(errc::invalid_argument, "the peer speaks TLS, but not Troupe's protocol within it");
    default: break;
  }
  char reason[256];
  ERR_error_string_n(code, reason, sizeof reason);
  return fail(errc::invalid_argument, "TLS refuses what the peer sends: {}", reason);
}

}  // namespace troupe::wire
