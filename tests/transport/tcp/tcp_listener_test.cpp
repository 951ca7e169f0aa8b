// A listener against those who cannot or will not greet.
#include <sys/resource.h>

#include "support/raw_peer.hpp"
#include "wire/hello.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

std::vector<std::byte> sealed(frame_header header, const std::vector<std::byte>& payload) {
  header.length = static_cast<std::uint32_t>(payload.size());
  header.payload_checksum = checksum(std::span<const std::byte>(payload));
  const auto raw = encode_header(header);
  std::vector<std::byte> all(raw.begin(), raw.end());
  all.insert(all.end(), payload.begin(), payload.end());
  return all;
}

/// The listener still does its work.
void check_unharmed(acceptor& host) {
  const auto near = need(dial(host.address()));
  near->start(std::make_shared<recorder>());
  const auto far = host.take();
  need(near->send(numbered(1)));
  CHECK(far.seen->wait_for_messages(1));
}

}  // namespace

TEST_CASE("the system chooses a port when 0 is asked for, also over IPv6") {
  for (const char* where : {"127.0.0.1:0", "[::1]:0", "localhost:0"}) {
    tcp_options options;
    options.self = node_called("n");
    const auto made = listen_tcp(where, options, [](std::unique_ptr<wire::link>) {});
    REQUIRE(made);
    CHECK((*made)->local_address().port != 0);
    CHECK(dial((*made)->local_address().to_string()));
  }
}

TEST_CASE("a port that is taken gives an error that names it and says what to do") {
  acceptor host;
  tcp_options options;
  options.self = node_called("second");
  const auto second = listen_tcp(host.address(), options, [](std::unique_ptr<wire::link>) {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == errc::unavailable);
  CHECK(second.error().message().find(host.address() + " is in use by another process") != std::string::npos);
  CHECK(second.error().message().find("another port") != std::string::npos);
}

TEST_CASE("a port can be listened on again at once after its listener is gone") {
  auto host = std::make_unique<acceptor>();
  const std::string address = host->address();
  const auto near = need(dial(address));
  host.reset();
  tcp_options options;
  options.self = node_called("again");
  CHECK(listen_tcp(address, options, [](std::unique_ptr<wire::link>) {}));
}

TEST_CASE("a node without a key does not listen where other machines reach it") {
  tcp_options options;
  options.self = node_called("n");
  for (const char* where : {"0.0.0.0:0", "[::]:0"}) {
    const auto listening = listen_tcp(where, options, [](std::unique_ptr<wire::link>) {});
    REQUIRE_FALSE(listening);
    CHECK(listening.error().code() == errc::invalid_argument);
    CHECK(listening.error().message().find("state directory") != std::string::npos);
    CHECK(listening.error().to_string().find(std::string(where).substr(0, 4)) != std::string::npos);
  }
}

TEST_CASE("names are looked up, and one that nobody knows is named") {
  acceptor host;
  const auto port = std::to_string(host.listener().local_address().port);
  CHECK(dial("localhost:" + port));
  const auto began = steady_clock::now();
  tcp_options options;
  options.self = node_called("n");
  const auto made = connect_tcp("no-such-machine.invalid:" + port, options, began + milliseconds(3000));
  CHECK(steady_clock::now() - began < milliseconds(10'000));
  REQUIRE_FALSE(made);
  CHECK(made.error().retryable() != (made.error().code() == errc::deadline_exceeded));
  CHECK(made.error().message().find("no-such-machine.invalid") != std::string::npos);
}

TEST_CASE("connecting where nobody listens fails at once and names the address") {
  std::string address;
  {
    acceptor host;
    address = host.address();
  }
  const auto began = steady_clock::now();
  const auto made = dial(address);
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == errc::unavailable);
  CHECK(made.error().message().find("no node answers at " + address) != std::string::npos);
  CHECK(steady_clock::now() - began < milliseconds(1000));
}

TEST_CASE("connecting to somebody who never greets ends by the deadline") {
  const auto silent = need(listen_socket({"127.0.0.1", 0, false}));
  tcp_options options;
  options.self = node_called("n");
  const auto began = steady_clock::now();
  const auto by_deadline = connect_tcp(silent.local.to_string(), options, began + milliseconds(200));
  const auto took = steady_clock::now() - began;
  REQUIRE_FALSE(by_deadline);
  CHECK(by_deadline.error().code() == errc::deadline_exceeded);
  CHECK(took >= milliseconds(200));
  CHECK(took < milliseconds(1500));
  options.handshake_time = milliseconds(100);
  const auto by_handshake_time = connect_tcp(silent.local.to_string(), options, soon());
  REQUIRE_FALSE(by_handshake_time);
  CHECK(by_handshake_time.error().code() == errc::deadline_exceeded);
}

TEST_CASE("connecting to something that is not Troupe says so") {
  const auto web = need(listen_socket({"127.0.0.1", 0, false}));
  std::thread server([&] {
    if (!wait_for(web.socket.get(), POLLIN, soon())) return;
    raw_peer peer(need(accept_socket(web.socket)));
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const auto made = dial(web.local.to_string());
  server.join();
  REQUIRE_FALSE(made);
  CHECK(made.error().code() == errc::invalid_argument);
  CHECK(made.error().message().find("does not speak Troupe's protocol: it sends \"HTTP/1.1\"") != std::string::npos);
}

TEST_CASE("garbage, other protocols and lying frames are cut off and harm nobody") {
  acceptor host;
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  std::vector<std::vector<std::byte>> attacks;
  const auto add_text = [&](std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    attacks.push_back({bytes.begin(), bytes.end()});
  };
  add_text("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  add_text("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
  for (int i = 0; i < 50; ++i) {
    const auto noise = random_blob(1 + random.below(5000), random.next());
    attacks.push_back({noise.bytes().begin(), noise.bytes().end()});
    if (attacks.back().size() < 4) attacks.back().resize(4);  // fewer bytes wait for the deadline, see below
  }
  frame_header long_hello{.type = frame_type::hello};
  long_hello.length = 1 << 30;
  const auto raw = encode_header(long_hello);
  attacks.push_back({raw.begin(), raw.end()});
  auto wrong_sum = sealed({.type = frame_type::hello}, encode_hello({1, 1, default_profile, node_called("x")}));
  wrong_sum.back() ^= std::byte{1};
  attacks.push_back(wrong_sum);
  attacks.push_back(sealed({.type = frame_type::data, .opens_message = true}, {}));
  attacks.push_back(sealed({.type = frame_type::hello}, std::vector<std::byte>(1024)));

  for (const auto& attack : attacks) {
    raw_peer enemy(host.address());
    enemy.send(attack);
    CHECK(enemy.read_until_closed().empty());  // nothing is revealed
  }
  CHECK(host.listener().refused_count() == attacks.size());
  check_unharmed(host);
  CHECK(host.listener().accepted_count() == 1);
}

TEST_CASE("a peer of another version is refused, and both sides can name both ranges") {
  acceptor host;
  raw_peer old(host.address());
  old.send(sealed({.type = frame_type::hello}, encode_hello({40, 41, default_profile, node_called("old")})));
  const std::string answer = old.read_until_closed();
  REQUIRE(answer.size() > frame_header_bytes);
  const auto theirs = decode_hello(std::as_bytes(std::span(answer)).subspan(frame_header_bytes));
  REQUIRE(theirs);
  CHECK(theirs->version_max == protocol_version_max);
  check_unharmed(host);
}

TEST_CASE("a silent connection is closed when its time to greet is over") {
  acceptor host(default_profile, milliseconds(200));
  raw_peer silent(host.address());
  raw_peer slow(host.address());
  slow.send("TRP");
  const auto began = steady_clock::now();
  CHECK(silent.read_until_closed().empty());
  CHECK(slow.read_until_closed().empty());
  CHECK(steady_clock::now() - began < milliseconds(1500));
  check_unharmed(host);
}

TEST_CASE("a hundred half-open connections do not keep an honest peer out") {
  acceptor host;
  std::vector<std::unique_ptr<raw_peer>> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(std::make_unique<raw_peer>(host.address()));
  const auto began = steady_clock::now();
  check_unharmed(host);
  CHECK(steady_clock::now() - began < milliseconds(1500));
  CHECK(host.listener().refused_count() >= 100 - limits::connections_greeting_max);
  // No more than the limit are still open: each of the others has been closed.
  std::size_t open = 0;
  for (const auto& one : crowd) {
    char byte = 0;
    const bool has_ended = ::recv(one->descriptor(), &byte, 1, MSG_DONTWAIT) == 0;
    if (!has_ended) ++open;
  }
  CHECK(open <= limits::connections_greeting_max);
}

TEST_CASE("frames that lie after a proper greeting end the link with the reason, told to both sides") {
  const auto attack = [](std::span<const std::byte> bytes) {
    acceptor host;
    raw_peer enemy(host.address());
    enemy.greet();
    auto far = host.take();
    enemy.send(bytes);
    const error reason = far.seen->closed();
    CHECK(reason.code() == errc::invalid_argument);
    check_unharmed(host);
    return reason.message() + " / " + enemy.read_until_closed();
  };
  frame_header oversized{.type = frame_type::data, .opens_message = true, .sequence = 1};
  oversized.length = 0xffffffffu;
  CHECK(attack(encode_header(oversized)).find("announces 4294967295 bytes") != std::string::npos);
  auto wrong_sum = sealed({.type = frame_type::data, .opens_message = true, .sequence = 1}, std::vector<std::byte>(64));
  wrong_sum[40] ^= std::byte{4};
  const auto told = attack(wrong_sum);
  CHECK(told.find("checksum of frame 1 is wrong") != std::string::npos);
  CHECK(told.rfind("checksum of frame 1 is wrong") > told.find(" / "));  // the farewell carries it too
  CHECK(attack(std::as_bytes(std::span("GET / HTTP/1.1\r\n\r\n"))).find("does not speak") != std::string::npos);
}

TEST_CASE("a listener that goes away leaves its links alive") {
  auto host = std::make_unique<acceptor>();
  const auto near = need(dial(host->address()));
  near->start(std::make_shared<recorder>());
  auto far = host->take();
  host.reset();
  need(near->send(numbered(1)));
  CHECK(far.seen->wait_for_messages(1));
}

TEST_CASE("a process without free descriptors keeps its links and accepts again when there are some") {
  acceptor host;
  const auto near = need(dial(host.address()));
  near->start(std::make_shared<recorder>());
  auto far = host.take();
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{std::min<rlim_t>(before.rlim_cur, 256), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<file_descriptor> hoard;
  for (;;) {
    file_descriptor more(::dup(0));
    if (!more) break;
    hoard.push_back(std::move(more));
  }
  hoard.pop_back();
  raw_peer late(host.address());  // takes the last descriptor: nothing is left to accept it with
  std::this_thread::sleep_for(milliseconds(50));
  need(near->send(numbered(1)));
  CHECK(far.seen->wait_for_messages(1));
  hoard.clear();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  late.greet();
  CHECK(host.take().link->peer().node.name == "raw");
}

TEST_CASE("more links than a listener keeps are turned away with the reason") {
  const link_profile patient{milliseconds(500), milliseconds(60'000)};  // the links are not started: none may die of it
  acceptor host(patient);
  std::vector<std::unique_ptr<wire::link>> all;
  std::vector<acceptor::guest> guests;
  for (std::size_t i = 0; i < limits::links_max; ++i) {
    all.push_back(need(dial(host.address(), patient)));
    guests.push_back(host.take());
  }
  auto one_more = need(dial(host.address()));
  auto seen = std::make_shared<recorder>();
  one_more->start(seen);
  CHECK(seen->closed().message().find("256 links already") != std::string::npos);
  all.clear();  // the others end, and their places are free again
  for (auto& guest : guests) CHECK(guest.seen->closed().code() == errc::unavailable);
  check_unharmed(host);
}
