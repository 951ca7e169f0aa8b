// What strangers may send to a port that speaks TLS, and what somebody in the middle may do.
#include <openssl/ssl.h>
#include <poll.h>

#include <fstream>

#include "support/paired_machines.hpp"
#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto raw = std::as_bytes(std::span(text));
  return {raw.begin(), raw.end()};
}

void check_unharmed(acceptor& host, const machine& paired) {
  const auto near = need(connect_tcp(host.address(), paired.options(), soon()));
  near->start(std::make_shared<recorder>());
  const auto far = host.take();
  need(near->send(numbered(1)));
  CHECK(far.seen->wait_for_messages(1));
}

std::size_t resident_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * 4096;
}

/// One record of TLS that says it holds a greeting of `announced` bytes.
std::vector<std::byte> client_hello_of(std::uint32_t announced) {
  std::vector<std::byte> made = bytes_of(std::string_view("\x16\x03\x01\x40\x00\x01", 6));
  for (const int shift : {16, 8, 0}) made.push_back(static_cast<std::byte>(announced >> shift));
  made.resize(5 + 0x4000, std::byte{3});
  return made;
}

/// Passes everything on in both directions, keeps a copy, and may change one byte of what the first side sends.
class middle {
public:
  middle(std::string target, std::optional<std::size_t> flipped = {})
      : target_(std::move(target)), flipped_(flipped), listening_(need(listen_socket({"127.0.0.1", 0, false}))) {
    thread_ = std::thread([this] { run(); });
  }
  ~middle() {
    stopping_ = true;
    thread_.join();
  }
  std::string address() const { return listening_.local.to_string(); }
  /// Everything that passed, once the links are gone.
  const std::string& seen() const { return seen_; }
  void stop() { stopping_ = true; }

private:
  void run() {
    while (!stopping_ && !wait_for(listening_.socket.get(), POLLIN, steady_clock::now() + milliseconds(20))) {
    }
    if (stopping_) return;
    raw_peer front(need(accept_socket(listening_.socket)));
    raw_peer back(target_);
    while (!stopping_) {
      std::array<pollfd, 2> watched{{{front.descriptor(), POLLIN, 0}, {back.descriptor(), POLLIN, 0}}};
      ::poll(watched.data(), 2, 20);
      if (watched[0].revents != 0 && !pass(front, back, flipped_)) return;
      if (watched[1].revents != 0 && !pass(back, front, {})) return;
    }
  }

  /// `flipped`: which byte of this direction, if any.
  bool pass(raw_peer& from, raw_peer& to, std::optional<std::size_t> flipped) {
    std::array<char, 16'384> chunk;
    const auto count = ::recv(from.descriptor(), chunk.data(), chunk.size(), 0);
    if (count <= 0) return false;
    const auto size = static_cast<std::size_t>(count);
    if (flipped) {
      if (*flipped >= passed_ && *flipped < passed_ + size) chunk[*flipped - passed_] ^= 1;
      passed_ += size;
    }
    seen_.append(chunk.data(), size);
    to.send(std::string_view(chunk.data(), size));
    return true;
  }

  std::string target_;
  std::optional<std::size_t> flipped_;
  listening_socket listening_;
  std::atomic<bool> stopping_{false};
  std::size_t passed_ = 0;
  std::string seen_;
  std::thread thread_;
};

/// Tries a handshake of TLS with OpenSSL's own client, set up as `with` likes; true when the listener took it for one
/// of us, that is, answered the first byte of the application.
bool gets_in(const std::string& address, const std::function<void(SSL_CTX*)>& with) {
  raw_peer connection(address);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  with(context);
  SSL* session = SSL_new(context);
  SSL_set_fd(session, connection.descriptor());
  SSL_set_connect_state(session);
  bool answered = false;
  const auto end = steady_clock::now() + patience;
  for (bool over = false; !over && steady_clock::now() < end;) {
    char byte = 0;
    const int outcome = SSL_read(session, &byte, 1);
    answered = outcome > 0;
    const int kind = SSL_get_error(session, outcome);
    over = answered || (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE);
    if (!over) wait_for(connection.descriptor(), POLLIN, steady_clock::now() + milliseconds(50));
  }
  SSL_free(session);
  SSL_CTX_free(context);
  return answered;
}

}  // namespace

TEST_CASE("garbage, plaintext and killers of other systems at a TLS port harm nobody", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  std::vector<std::vector<std::byte>> attacks{
      bytes_of("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
      bytes_of("TRPE............................"),
      // The two headers of 32 bytes that end a process with CAF 0.17's own network layer: its handshakes without
      // payload.
      bytes_of(std::string("\x00", 1) + std::string(31, '\0')),
      bytes_of(std::string("\x01", 1) + std::string(31, '\0')),
      client_hello_of(0x3ff0),
      client_hello_of(0x100000),
      client_hello_of(0xffffff),
  };
  hello mine;
  mine.node = node_called("plain");
  outbox plain;
  plain.push_hello(encode_hello(mine));
  attacks.emplace_back();
  for (const auto piece : plain.next()) attacks.back().insert(attacks.back().end(), piece.begin(), piece.end());
  for (int i = 0; i < 100; ++i) {
    const auto noise = random_blob(64 + random.below(5000), random.next());
    attacks.push_back({noise.bytes().begin(), noise.bytes().end()});
    // Half of them begin like TLS.
    if (i % 2) std::copy_n(client_hello_of(512).begin(), 9, attacks.back().begin());
  }
  std::size_t closed = 0;
  for (const auto& attack : attacks) {
    raw_peer enemy(host.address());
    enemy.send(attack);
    ::shutdown(enemy.descriptor(), SHUT_WR);
    // At most an alert: 7 bytes.
    CHECK(enemy.read_until_closed().size() <= 7);
    ++closed;
  }
  CHECK(host.listener().refused_count() == closed);
  CHECK(host.listener().accepted_count() == 0);
  check_unharmed(host, both.coordinator);
}

TEST_CASE("a handshake that was changed at any place fails or says nothing new", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  random_source random(seed_of_this_run());
  for (int i = 0; i < 60; ++i) {
    const std::size_t place = random.below(1200);
    INFO("byte " << place);
    const middle between(host.address(), place);
    const auto made =
        connect_tcp(between.address(), both.coordinator.options(), steady_clock::now() + milliseconds(2000));
    if (!made) continue;
    // The place lies behind the handshake and the greeting.
    CHECK((*made)->peer().proof.key == both.worker.key.key());
    CHECK(host.take().link->peer().proof.key == both.coordinator.key.key());
  }
  check_unharmed(host, both.coordinator);
}

TEST_CASE("what passes between paired machines can neither be read nor changed", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  const std::string secret = "Once upon a time there was a tensor that nobody was to see.";
  const auto held = std::make_shared<std::string>();
  for (int i = 0; i < 1000; ++i) *held += secret;
  const blob body{std::shared_ptr<const std::byte>(held, reinterpret_cast<const std::byte*>(held->data())),
                  held->size()};
  const outgoing_message message{numbered(1).head, {body}};
  {
    middle between(host.address());
    {
      const auto near = need(connect_tcp(between.address(), both.coordinator.options(), soon()));
      near->start(std::make_shared<recorder>());
      auto far = host.take();
      need(near->send(message));
      REQUIRE(far.seen->wait_for_messages(1));
      CHECK(same_content(message, far.seen->messages()[0]));
    }
    between.stop();
    std::this_thread::sleep_for(milliseconds(100));
    CHECK(between.seen().size() > held->size());
    CHECK(between.seen().find(secret.substr(0, 12)) == std::string::npos);
    CHECK(between.seen().find("TRPE") == std::string::npos);
    CHECK(between.seen().find("coordinator") == std::string::npos);  // not even names
  }
  for (const std::size_t place : {2000, 20'000, 40'000}) {
    const middle between(host.address(), place);
    const auto near = need(connect_tcp(between.address(), both.coordinator.options(), soon()));
    near->start(std::make_shared<recorder>());
    auto far = host.take();
    need(near->send(message));
    CHECK(far.seen->closed().to_string().find("TLS refuses") != std::string::npos);
    CHECK(far.seen->messages().empty());
  }
}

TEST_CASE("other versions, other protocols and clients without a key do not get in", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  const std::string protocols("\x08troupe/1");
  const auto offer = [&](SSL_CTX* context) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocols.data()), 9);
  };
  CHECK_FALSE(gets_in(host.address(), [&](SSL_CTX* context) { offer(context); }));
  CHECK_FALSE(gets_in(host.address(), [&](SSL_CTX* context) {
    offer(context);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  }));
  CHECK_FALSE(gets_in(host.address(), [](SSL_CTX*) {}));
  CHECK_FALSE(gets_in(host.address(), [](SSL_CTX* context) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  }));
  for (const auto end = soon(); host.listener().refused_count() < 4 && steady_clock::now() < end;)
    std::this_thread::sleep_for(milliseconds(10));
  CHECK(host.listener().refused_count() == 4);
  CHECK(host.listener().accepted_count() == 0);
  check_unharmed(host, both.coordinator);
}

TEST_CASE("a thousand half-open connections cost little and keep no paired machine out", "[tls]") {
  const paired_machines both;
  acceptor host(both.worker.options());
  check_unharmed(host, both.coordinator);
  const std::size_t before = resident_bytes();
  std::size_t most = 0;
  std::vector<std::unique_ptr<raw_peer>> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(std::make_unique<raw_peer>(host.address()));
    // A beginning that announces much and stays without an end.
    if (i % 2) crowd.back()->send(client_hello_of(0x1ff00));
    if (crowd.size() > 300) crowd.erase(crowd.begin());  // this process may open 1024 files
    most = std::max(most, resident_bytes());
  }
  check_unharmed(host, both.coordinator);
  WARN("memory grew by " << (most - before) / 1024 << " KiB");
  CHECK(most - before < (std::size_t{32} << 20));
}

TEST_CASE("slow greeters are sent away when their time is over", "[tls]") {
  const paired_machines both;
  auto options = both.worker.options();
  options.handshake_time = milliseconds(300);
  acceptor host(options);
  raw_peer silent(host.address());
  raw_peer slow(host.address());
  const auto beginning = client_hello_of(512);
  const auto began = steady_clock::now();
  for (std::size_t i = 0; i < 20; ++i) {
    slow.send(std::span(beginning).subspan(i, 1));
    std::this_thread::sleep_for(milliseconds(30));
  }
  CHECK(slow.read_until_closed().empty());
  CHECK(silent.read_until_closed().empty());
  CHECK(steady_clock::now() - began < milliseconds(10'000));
  check_unharmed(host, both.coordinator);
}
