#include "troupe/transport/pairing.hpp"

#include <sys/socket.h>

#include <thread>

#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;
using troupe::test::raw_peer;
using troupe::test::soon;

namespace {

pairing_card card(const std::string& name, std::uint8_t key) {
  pairing_card made;
  made.key.bytes.fill(static_cast<std::byte>(key));
  made.name = name;
  return made;
}

/// A host that waits on a thread of its own.
class waiting_host {
public:
  explicit waiting_host(result<void> kept = {})
      : host_(need(pairing_host::open(need(parse_address("127.0.0.1:0")), card("tower", 2)))),
        thread_([this, kept = std::move(kept)] {
          outcome_.emplace(host_.wait(
              [&](const trusted_peer& peer) {
                stored_.push_back(peer);
                return kept;
              },
              soon(), [this](std::size_t left) { guesses_left_.push_back(left); }));
        }) {}
  ~waiting_host() {
    if (thread_.joinable()) thread_.join();
  }

  const address& where() const { return host_.local_address(); }
  const pairing_code& code() const { return host_.code(); }
  result<paired_machine> join(const pairing_code& with) const {
    return join_pairing(where(), with, card("laptop", 1), soon());
  }
  /// A code that is not the host's.
  pairing_code wrong() const {
    std::string text = code().password();
    text[0] = text[0] == '7' ? '8' : '7';
    return need(pairing_code::parse(text));
  }
  const result<paired_machine>& outcome() {
    if (thread_.joinable()) thread_.join();
    return *outcome_;
  }
  const std::vector<trusted_peer>& stored() const { return stored_; }
  const std::vector<std::size_t>& guesses_left() const { return guesses_left_; }

private:
  pairing_host host_;
  std::vector<trusted_peer> stored_;
  std::vector<std::size_t> guesses_left_;
  std::optional<result<paired_machine>> outcome_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("machines pair over a connection", "[pairing]") {
  waiting_host host;
  const paired_machine tower = need(host.join(host.code()));
  CHECK(tower.peer.name == "tower");
  REQUIRE(host.outcome());
  CHECK(host.outcome()->peer.name == "laptop");
  REQUIRE(host.stored().size() == 1);
  CHECK(host.stored()[0].key == card("", 1).key);
}

TEST_CASE("two wrong guesses are forgiven, the third ends the code", "[pairing]") {
  SECTION("two") {
    waiting_host host;
    for (const char* left : {"2 more", "1 more"}) {
      const auto refused = host.join(host.wrong());
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code() == errc::invalid_argument);
      CHECK(refused.error().message().find(left) != std::string::npos);
    }
    CHECK(host.join(host.code()));
    CHECK(host.outcome());
    CHECK(host.guesses_left() == std::vector<std::size_t>{2, 1});
  }
  SECTION("three") {
    waiting_host host;
    for (int i = 0; i < 3; ++i) CHECK_FALSE(host.join(host.wrong()));
    REQUIRE_FALSE(host.outcome());
    CHECK(host.outcome().error().code() == errc::unavailable);
    CHECK(host.outcome().error().message().find("3 wrong codes") != std::string::npos);
    CHECK(host.stored().empty());
    CHECK(host.guesses_left() == std::vector<std::size_t>{2, 1, 0});
  }
}

TEST_CASE("noise is no guess, and does not keep others from pairing", "[pairing]") {
  waiting_host host;
  for (const std::string& noise : {std::string(), std::string("GET / HTTP/1.0\r\n\r\n"), std::string(4096, '\xff'),
                                   std::string(64, '\0'), std::string("\x02\x00\x01", 3)}) {
    raw_peer stranger(host.where().to_string());
    if (!noise.empty()) static_cast<void>(::send(stranger.descriptor(), noise.data(), noise.size(), MSG_NOSIGNAL));
  }
  CHECK(host.join(host.code()));
  CHECK(host.outcome());
  CHECK(host.guesses_left().empty());
}

TEST_CASE("a connection that says nothing holds others up for a bounded time", "[pairing]") {
  waiting_host host;
  raw_peer silent(host.where().to_string());
  raw_peer slow(host.where().to_string());
  static_cast<void>(::send(slow.descriptor(), "\x40\x00\x01", 3, MSG_NOSIGNAL));
  CHECK(host.join(host.code()));
  CHECK(host.outcome());
}

TEST_CASE("a host that cannot store its new peer says so to both", "[pairing]") {
  waiting_host host(error(errc::unavailable, "the disk is full"));
  const auto refused = host.join(host.code());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("cannot store") != std::string::npos);
  REQUIRE_FALSE(host.outcome());
  CHECK(host.outcome().error().message() == "the disk is full");
}

TEST_CASE("waiting ends at its deadline and may go on; a used code has ended", "[pairing]") {
  pairing_host host = need(pairing_host::open(need(parse_address("127.0.0.1:0")), card("tower", 2)));
  const keep_function keep = [](const trusted_peer&) { return result<void>(); };
  const auto nobody = host.wait(keep, steady_clock::now() + std::chrono::milliseconds(20));
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code() == errc::deadline_exceeded);
  std::thread other([&] { CHECK(join_pairing(host.local_address(), host.code(), card("laptop", 1), soon())); });
  CHECK(host.wait(keep, soon()));
  other.join();
  const auto again = host.wait(keep, soon());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == errc::unavailable);
}

TEST_CASE("joining where nobody waits is an error at once, and a silent host one in time", "[pairing]") {
  const pairing_code code = need(pairing_code::draw());
  const listening_socket silent = need(listen_socket(need(parse_address("127.0.0.1:0"))));
  const auto late =
      join_pairing(silent.local, code, card("laptop", 1), steady_clock::now() + std::chrono::milliseconds(100));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == errc::deadline_exceeded);

  address nowhere;
  {
    const listening_socket gone = need(listen_socket(need(parse_address("127.0.0.1:0"))));
    nowhere = gone.local;
  }
  const auto refused = join_pairing(nowhere, code, card("laptop", 1), soon());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
  CHECK(refused.error().message().find("troupe pair") != std::string::npos);
}
