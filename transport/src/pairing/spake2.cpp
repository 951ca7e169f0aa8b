#include "pairing/spake2.hpp"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

// Points of P-256 whose logarithms nobody knows (RFC 9382, section 6), compressed.
constexpr std::string_view blinding_a = "02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f";
constexpr std::string_view blinding_b = "03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49";
constexpr std::byte uncompressed_point{4};
constexpr std::string_view password_label = "troupe pairing code";

struct deleter {
  void operator()(BN_CTX* it) const noexcept { ::BN_CTX_free(it); }
  void operator()(BIGNUM* it) const noexcept { ::BN_clear_free(it); }
  void operator()(EC_GROUP* it) const noexcept { ::EC_GROUP_free(it); }
  void operator()(EC_POINT* it) const noexcept { ::EC_POINT_clear_free(it); }
};
template <class T>
using owned = std::unique_ptr<T, deleter>;

error out_of_order() {
  return fail(errc::internal, "OpenSSL cannot compute on the curve P-256");
}

unsigned char* raw(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}
const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

/// The group with what its arithmetic needs. Nothing here throws; a null member is found by `usable`.
struct curve {
  owned<EC_GROUP> group{::EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
  owned<BN_CTX> scratch{::BN_CTX_secure_new()};

  bool usable() const { return group && scratch; }
  owned<EC_POINT> new_point() const { return owned<EC_POINT>(::EC_POINT_new(group.get())); }

  owned<EC_POINT> blinding(spake2_side side) const {
    const std::string hex(side == spake2_side::a ? blinding_a : blinding_b);
    return owned<EC_POINT>(::EC_POINT_hex2point(group.get(), hex.c_str(), nullptr, scratch.get()));
  }
  /// Checks that the point lies on the curve. The group has no others: its cofactor is 1.
  owned<EC_POINT> read(const spake2_share& from) const {
    auto point = new_point();
    if (!point || from[0] != uncompressed_point ||
        ::EC_POINT_oct2point(group.get(), point.get(), raw(from.data()), from.size(), scratch.get()) != 1)
      return nullptr;
    return point;
  }
  bool write(const EC_POINT& point, spake2_share& to) const {
    return ::EC_POINT_point2oct(group.get(), &point, POINT_CONVERSION_UNCOMPRESSED, raw(to.data()), to.size(),
                                scratch.get()) == to.size();
  }
  bool is_neutral(const EC_POINT& point) const { return ::EC_POINT_is_at_infinity(group.get(), &point) == 1; }
};

owned<BIGNUM> to_number(const spake2_number& bytes) {
  owned<BIGNUM> made(::BN_bin2bn(raw(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  if (made) ::BN_set_flags(made.get(), BN_FLG_CONSTTIME);
  return made;
}

bool to_bytes(const BIGNUM& number, spake2_number& to) {
  return ::BN_bn2binpad(&number, raw(to.data()), static_cast<int>(to.size())) == static_cast<int>(to.size());
}

/// The RFC asks for 64 bits more than the order has, so that the remainder is even.
bool number_of(std::string_view password, const curve& on, spake2_number& to) {
  const std::string hashed = std::string(password_label) + std::string(1, '\0') + std::string(password);
  std::array<unsigned char, SHA512_DIGEST_LENGTH> wide;
  ::SHA512(reinterpret_cast<const unsigned char*>(hashed.data()), hashed.size(), wide.data());
  const owned<BIGNUM> number(::BN_bin2bn(wide.data(), wide.size(), nullptr));
  const owned<BIGNUM> rest(::BN_secure_new());
  return number && rest &&
         ::BN_nnmod(rest.get(), number.get(), ::EC_GROUP_get0_order(on.group.get()), on.scratch.get()) == 1 &&
         to_bytes(*rest, to);
}

bool random_number(const curve& on, spake2_number& to) {
  const owned<BIGNUM> drawn(::BN_secure_new());
  if (!drawn) return false;
  do {
    if (::BN_priv_rand_range(drawn.get(), ::EC_GROUP_get0_order(on.group.get())) != 1) return false;
  } while (::BN_is_zero(drawn.get()));
  return to_bytes(*drawn, to);
}

void append_field(std::vector<std::byte>& to, std::span<const std::byte> field) {
  append(to, static_cast<std::uint64_t>(field.size()));
  to.insert(to.end(), field.begin(), field.end());
}

using digest = std::array<std::byte, SHA256_DIGEST_LENGTH>;

bool hmac(std::span<const std::byte> key, std::span<const std::byte> text, digest& to) {
  return ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(text.data()), text.size(), raw(to.data()),
                nullptr) != nullptr;
}

/// Section 4 of the RFC: one key of each side for its proof, from the transcript of everything.
bool prove(std::span<const std::byte> transcript, spake2_proof& of_a, spake2_proof& of_b) {
  digest hashed;
  ::SHA256(raw(transcript.data()), transcript.size(), raw(hashed.data()));
  // HKDF of 32 bytes: extract with a salt of zeros, expand by one block.
  const digest salt{};
  digest extracted, keys;
  std::vector<std::byte> info;
  append_text(info, "ConfirmationKeys");
  info.push_back(std::byte{1});
  const auto halves = std::span<const std::byte>(keys);
  return hmac(salt, std::span(hashed).subspan(hashed.size() / 2), extracted) && hmac(extracted, info, keys) &&
         hmac(halves.first(keys.size() / 2), transcript, of_a) &&
         hmac(halves.subspan(keys.size() / 2), transcript, of_b);
}

}  // namespace

bool same_proof(const spake2_proof& one, const spake2_proof& other) noexcept {
  return ::CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

result<spake2> spake2::make(spake2_side side, std::string_view password) {
  const curve on;
  spake2_number number, secret;
  if (!on.usable() || !number_of(password, on, number) || !random_number(on, secret)) return out_of_order();
  return make(side, number, secret);
}

result<spake2> spake2::make(spake2_side side, const spake2_number& password, const spake2_number& secret) {
  spake2 made;
  made.side_ = side;
  made.password_ = password;
  made.secret_ = secret;
  const curve on;
  if (!on.usable()) return out_of_order();
  // X = x P + w M for A, Y = y P + w N for B.
  const auto w = to_number(password), x = to_number(secret);
  const auto sum = on.new_point(), own = on.new_point(), blinding = on.blinding(side);
  if (!w || !x || !sum || !own || !blinding ||
      ::EC_POINT_mul(on.group.get(), own.get(), x.get(), nullptr, nullptr, on.scratch.get()) != 1 ||
      ::EC_POINT_mul(on.group.get(), sum.get(), nullptr, blinding.get(), w.get(), on.scratch.get()) != 1 ||
      ::EC_POINT_add(on.group.get(), sum.get(), sum.get(), own.get(), on.scratch.get()) != 1 ||
      !on.write(*sum, made.share_))
    return out_of_order();
  return made;
}

result<spake2_proofs> spake2::finish(const spake2_share& peer, std::span<const std::byte> identity_a,
                                     std::span<const std::byte> identity_b) const {
  const curve on;
  if (!on.usable()) return out_of_order();
  const auto theirs = on.read(peer);
  if (!theirs) return fail(errc::invalid_argument, "the peer's share is not a point of the curve P-256");
  // K = x (Y - w N) for A, y (X - w M) for B.
  const auto other_side = side_ == spake2_side::a ? spake2_side::b : spake2_side::a;
  const auto w = to_number(password_), x = to_number(secret_);
  const auto common = on.new_point(), blinding = on.blinding(other_side);
  if (!w || !x || !common || !blinding ||
      ::EC_POINT_mul(on.group.get(), common.get(), nullptr, blinding.get(), w.get(), on.scratch.get()) != 1 ||
      ::EC_POINT_invert(on.group.get(), common.get(), on.scratch.get()) != 1 ||
      ::EC_POINT_add(on.group.get(), common.get(), common.get(), theirs.get(), on.scratch.get()) != 1 ||
      ::EC_POINT_mul(on.group.get(), common.get(), nullptr, common.get(), x.get(), on.scratch.get()) != 1)
    return out_of_order();
  if (on.is_neutral(*common))
    return fail(errc::invalid_argument, "the peer's share is not one that an honest peer sends");
  spake2_share key;
  if (!on.write(*common, key)) return out_of_order();

  const bool is_a = side_ == spake2_side::a;
  std::vector<std::byte> transcript;
  append_field(transcript, identity_a);
  append_field(transcript, identity_b);
  append_field(transcript, is_a ? share_ : peer);
  append_field(transcript, is_a ? peer : share_);
  append_field(transcript, key);
  append_field(transcript, password_);
  spake2_proofs proofs;
  if (!prove(transcript, is_a ? proofs.mine : proofs.expected, is_a ? proofs.expected : proofs.mine))
    return out_of_order();
  return proofs;
}

}  // namespace troupe::wire
