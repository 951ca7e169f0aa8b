#include "wire/handshake.hpp"

#include "stream.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

hello greeting_of(const std::string& name) {
  hello made;
  made.node = node_called(name);
  made.node.listen_address = "127.0.0.1:7300";
  return made;
}

/// Moves what one side has to say to the other.
result<void> pass(handshake& from, handshake& to) {
  const auto bytes = drain(from.output());
  if (bytes.empty()) return {};
  std::copy(bytes.begin(), bytes.end(), to.space().begin());
  return to.received(bytes.size());
}

std::vector<std::byte> hello_frame(const hello& greeting) {
  outbox out;
  out.push_hello(encode_hello(greeting));
  return drain(out);
}

}  // namespace

TEST_CASE("two nodes greet and know each other, the version and the faster profile") {
  hello first = greeting_of("first");
  hello second = greeting_of("second");
  first.profile = fast_profile;
  handshake a(handshake::side::connecting, first);
  handshake b(handshake::side::accepting, second);
  CHECK(drain(b.output()).empty());  // who is called says nothing first
  need(pass(a, b));
  need(pass(b, a));
  REQUIRE(a.done());
  REQUIRE(b.done());
  const auto at_a = std::move(a).finish();
  const auto at_b = std::move(b).finish();
  CHECK(at_a.peer.node.id == second.node.id);
  CHECK(at_a.peer.node.name == "second");
  CHECK(at_b.peer.node.listen_address == "127.0.0.1:7300");
  CHECK(at_a.peer.version == protocol_version_max);
  CHECK(at_a.profile == fast_profile);
  CHECK(at_b.profile == fast_profile);
}

TEST_CASE("without a common version both sides name both ranges") {
  hello newer = greeting_of("newer");
  newer.version_min = 7;
  newer.version_max = 9;
  handshake a(handshake::side::connecting, newer);
  handshake b(handshake::side::accepting, greeting_of("older"));
  const auto at_b = pass(a, b);
  const auto at_a = pass(b, a);
  REQUIRE_FALSE(at_b);
  REQUIRE_FALSE(at_a);
  CHECK(at_b.error().code() == errc::unsupported);
  CHECK(at_b.error().message().find("versions 7 to 9 of the protocol and this build 1 to 1") != std::string::npos);
  CHECK(at_a.error().message().find("versions 1 to 1 of the protocol and this build 7 to 9") != std::string::npos);
}

TEST_CASE("the highest common version is used") {
  hello a = greeting_of("a");
  hello b = greeting_of("b");
  a.version_max = 5;
  b.version_min = 3;
  b.version_max = 9;
  CHECK(need(common_version(a, b)) == 5);
  CHECK(need(common_version(b, a)) == 5);
}

TEST_CASE("a node does not link to itself") {
  const hello mine = greeting_of("me");
  handshake a(handshake::side::connecting, mine);
  handshake b(handshake::side::accepting, mine);
  const auto outcome = pass(a, b);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message().find("this node itself") != std::string::npos);
}

TEST_CASE("greetings that lie are refused") {
  const auto refuse = [](auto change) {
    hello wrong = greeting_of("liar");
    change(wrong);
    handshake b(handshake::side::accepting, greeting_of("b"));
    const auto bytes = hello_frame(wrong);
    std::copy(bytes.begin(), bytes.end(), b.space().begin());
    return !b.received(bytes.size());
  };
  CHECK_FALSE(refuse([](hello&) {}));
  CHECK(refuse([](hello& h) { h.node.id = {}; }));
  CHECK(refuse([](hello& h) { h.node.name = "two\nlines"; }));
  CHECK(refuse([](hello& h) { h.node.name = std::string(65, 'n'); }));
  CHECK(refuse([](hello& h) { h.node.listen_address = "somewhere"; }));
  CHECK(refuse([](hello& h) { h.profile.heartbeat = milliseconds(0); }));
  CHECK(refuse([](hello& h) { h.profile.dead = milliseconds(1); }));
  CHECK(refuse([](hello& h) { h.version_min = 0; }));
  CHECK(refuse([](hello& h) { h.version_min = 2; }));
}

TEST_CASE("a greeting cut anywhere, or longer than this build knows") {
  const auto whole = encode_hello(greeting_of("n"));
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(decode_hello(std::span(whole).first(length)));
  auto longer = whole;
  longer.resize(whole.size() + 100, std::byte{0xff});
  CHECK(need(decode_hello(longer)).node.name == "n");
}

TEST_CASE("a farewell in place of a greeting gives its reason, made fit for printing") {
  outbox out;
  out.push_goodbye(encode_goodbye(error(errc::unavailable, "this node is full\x1b[2J")));
  const auto bytes = drain(out);
  handshake a(handshake::side::connecting, greeting_of("a"));
  std::copy(bytes.begin(), bytes.end(), a.space().begin());
  const auto outcome = a.received(bytes.size());
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message() == "the peer has closed the link: this node is full.[2J");
}
