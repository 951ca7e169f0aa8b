#include "troupe/transport/identity.hpp"

#include <openssl/x509.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "identity/key_material.hpp"
#include "support/check.hpp"
#include "support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

std::string contents(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

unsigned mode_of(const std::filesystem::path& file) {
  struct stat about {};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  return about.st_mode & 0777;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
  std::filesystem::permissions(file, std::filesystem::perms(0600));
}

}  // namespace

TEST_CASE("a machine keeps its key", "[identity]") {
  const temporary_folder folder;
  const auto directory = folder.path() / "state" / "troupe";
  const auto first = need(wire::identity::load_or_make(directory));
  CHECK(mode_of(directory) == 0700);
  CHECK(mode_of(directory / "identity.pem") == 0600);
  CHECK(contents(directory / "identity.pem").starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto second = need(wire::identity::load_or_make(directory));
  CHECK(first.key() == second.key());
  CHECK(first.key());
  // Nothing else is left.
  CHECK(std::distance(std::filesystem::directory_iterator(directory), {}) == 1);
}

TEST_CASE("no two keys are alike", "[identity]") {
  CHECK(need(wire::identity::make()).key() != need(wire::identity::make()).key());
}

TEST_CASE("a certificate carries the key, is signed with it, and names its hash", "[identity]") {
  const auto made = need(wire::identity::make());
  X509* shown = made.material().shown.get();
  CHECK(X509_verify(shown, made.material().key.get()) == 1);
  CHECK(need(wire::hash_of(X509_get0_pubkey(shown))) == made.key());
  CHECK(X509_cmp_current_time(X509_get0_notAfter(shown)) > 0);
}

TEST_CASE("processes that start at once get one key", "[identity]") {
  for (int round = 0; round < 10; ++round) {
    const temporary_folder folder;
    std::vector<wire::key_hash> keys(8);
    std::vector<std::thread> threads;
    for (auto& key : keys)
      threads.emplace_back([&] {
        if (const auto made = wire::identity::load_or_make(folder.path() / "state")) key = made->key();
      });
    for (std::thread& each : threads) each.join();
    CHECK(keys[0]);
    for (const auto& key : keys) CHECK(key == keys[0]);
  }
}

TEST_CASE("a key file that is none is named and left alone", "[identity]") {
  const temporary_folder folder;
  const auto file = folder.path() / "identity.pem";
  const auto whole = [&] {
    const temporary_folder other;
    need(wire::identity::load_or_make(other.path()));
    return contents(other.path() / "identity.pem");
  }();
  const std::string rsa_header =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n";
  for (const std::string& text : {std::string(), whole.substr(0, whole.size() / 2), std::string("\0\0\0", 3),
                                  rsa_header, std::string(1 << 20, 'A')}) {
    write(file, text);
    const auto loaded = wire::identity::load_or_make(folder.path());
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code() == errc::invalid_argument);
    CHECK(loaded.error().to_string().find(file.string()) != std::string::npos);
    CHECK(contents(file) == text);
  }
}

TEST_CASE("a key that others may read is refused", "[identity]") {
  const temporary_folder folder;
  need(wire::identity::load_or_make(folder.path()));
  std::filesystem::permissions(folder.path() / "identity.pem", std::filesystem::perms(0640));
  const auto loaded = wire::identity::load_or_make(folder.path());
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message().find("set its mode to 600") != std::string::npos);
}

TEST_CASE("a state directory that cannot be is one error", "[identity]") {
  const temporary_folder folder;
  write(folder.path() / "file", "");
  const auto loaded = wire::identity::load_or_make(folder.path() / "file" / "state");
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code() == errc::unavailable);
  CHECK(loaded.error().message().find("file/state") != std::string::npos);
}
