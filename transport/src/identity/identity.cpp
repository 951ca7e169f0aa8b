#include "troupe/transport/identity.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "identity/key_material.hpp"
#include "private_file.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t file_bytes_max = 4096;
constexpr std::string_view file_name = "identity.pem";

using memory_file = std::unique_ptr<BIO, free_with<BIO_free_all>>;

/// A certificate has to say when it is valid: always (RFC 5280, 4.1.2.5). Nobody asks.
result<certificate> sign_own(EVP_PKEY* key) {
  certificate made(X509_new());
  if (!made) return openssl_failure("a certificate cannot be made");
  X509_NAME* name = X509_get_subject_name(made.get());
  static constexpr unsigned char common_name[] = "troupe";
  const bool filled =
      X509_set_version(made.get(), X509_VERSION_3) == 1 &&
      ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1) == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notBefore(made.get()), "19700101000000Z") == 1 &&
      ASN1_TIME_set_string_X509(X509_getm_notAfter(made.get()), "99991231235959Z") == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, sizeof common_name - 1, -1, 0) == 1 &&
      X509_set_issuer_name(made.get(), name) == 1 && X509_set_pubkey(made.get(), key) == 1;
  if (!filled || X509_sign(made.get(), key, nullptr) == 0) return openssl_failure("a certificate cannot be made");
  return made;
}

result<std::shared_ptr<const key_material>> material_of(private_key key) {
  auto made = std::make_shared<key_material>();
  TROUPE_TRY(made->hash, hash_of(key.get()));
  TROUPE_TRY(made->shown, sign_own(key.get()));
  made->key = std::move(key);
  return std::shared_ptr<const key_material>(std::move(made));
}

result<std::string> to_pem(const key_material& material) {
  memory_file out(BIO_new(BIO_s_secmem()));
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), material.key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_failure("a key cannot be written");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

/// A file that is encrypted is not asked about: there is nobody to answer.
int no_password(char*, int, int, void*) {
  return -1;
}

result<private_key> from_pem(const std::string& text) {
  memory_file in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  private_key key(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr) : nullptr);
  ERR_clear_error();
  if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return error(errc::invalid_argument,
                 "it does not hold an Ed25519 key in PEM; put back the right file, or remove it, which makes this "
                 "machine a new one that has to be paired again");
  return key;
}

}  // namespace

error openssl_failure(std::string_view doing) {
  char reason[256] = "no reason given";
  if (const auto code = ERR_get_error()) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return fail(errc::internal, "{}: {}", doing, reason);
}

result<key_hash> hash_of(EVP_PKEY* public_key) {
  unsigned char* encoded = nullptr;
  const int size = i2d_PUBKEY(public_key, &encoded);
  if (size <= 0) return openssl_failure("a public key cannot be encoded");
  key_hash made;
  std::size_t written = made.bytes.size();
  const int hashed = EVP_Q_digest(nullptr, "SHA256", nullptr, encoded, static_cast<std::size_t>(size),
                                  reinterpret_cast<unsigned char*>(made.bytes.data()), &written);
  OPENSSL_free(encoded);
  if (hashed != 1) return openssl_failure("a public key cannot be hashed");
  return made;
}

result<identity> identity::make() {
  private_key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return openssl_failure("a key cannot be made");
  TROUPE_TRY(auto material, material_of(std::move(key)));
  return identity(std::move(material));
}

result<identity> identity::load_or_make(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / file_name;
  TROUPE_CHECK(make_private_directory(directory));
  TROUPE_TRY(auto text, read_private_file(file, file_bytes_max, true));
  if (!text) {
    TROUPE_TRY(const identity made, make());
    TROUPE_TRY(const std::string pem, to_pem(made.material()));
    TROUPE_TRY(const bool written, write_private_file(file, pem, if_present::keep));
    if (written) return made;
    TROUPE_TRY(text, read_private_file(file, file_bytes_max, true));  // another process was faster
    if (!text) return fail(errc::unavailable, "{} comes and goes; try again", file.string());
  }
  auto key = from_pem(*text);
  if (!key) return std::move(key).error().while_doing("reading " + file.string());
  TROUPE_TRY(auto material, material_of(std::move(key).value()));
  return identity(std::move(material));
}

const key_hash& identity::key() const noexcept {
  return material_->hash;
}

}  // namespace troupe::wire
