#include "pairing/pairing_exchange.hpp"

#include "support/transport.hpp"
#include "wire/bytes.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;
using troupe::test::random_source;
using troupe::test::seed_of_this_run;

namespace {

using message = std::vector<std::byte>;
using side = pairing_exchange::side;

pairing_card card(const std::string& name, std::uint8_t key, peer_role grants = peer_role::coordinator) {
  pairing_card made;
  made.key.bytes.fill(static_cast<std::byte>(key));
  made.name = name;
  made.grants = grants;
  return made;
}

pairing_code code(const char* text = "7K3M-9PQX") {
  return need(pairing_code::parse(text));
}

struct both {
  pairing_exchange join = need(pairing_exchange::make(side::joining, card("laptop", 1, peer_role::worker), code()));
  pairing_exchange host = need(pairing_exchange::make(side::hosting, card("tower", 2), code()));
};

/// The four messages of an exchange; the one with the number `changed` goes through `change`. An empty place: one side
/// has refused before.
std::vector<message> run(both& sides, int changed = -1, const std::function<void(message&)>& change = {}) {
  std::vector<message> sent(4);
  const auto deliver = [&](int number, message what, pairing_exchange& to) -> message {
    sent[static_cast<std::size_t>(number)] = what;
    if (number == changed) change(what);
    auto answer = to.received(what);
    return answer ? std::move(*answer) : message();
  };
  message next = deliver(0, sides.join.greeting(), sides.host);
  if (!next.empty()) next = deliver(1, next, sides.join);
  if (!next.empty()) next = deliver(2, next, sides.host);
  if (!next.empty()) deliver(3, next, sides.join);
  return sent;
}

}  // namespace

TEST_CASE("two machines with the same code agree on each other", "[pairing]") {
  both sides;
  run(sides);
  REQUIRE(sides.join.agreed());
  REQUIRE(sides.host.agreed());
  CHECK(sides.join.agreed()->peer.name == "tower");
  CHECK(sides.join.agreed()->peer.key == card("", 2).key);
  CHECK(sides.join.agreed()->peer.role == peer_role::worker);  // what it grants
  CHECK(sides.join.agreed()->granted == peer_role::coordinator);
  CHECK(sides.host.agreed()->peer.name == "laptop");
  CHECK(sides.host.agreed()->peer.key == card("", 1).key);
  CHECK(sides.host.agreed()->peer.role == peer_role::coordinator);
  CHECK(sides.host.agreed()->granted == peer_role::worker);
}

TEST_CASE("addresses travel with the pairing", "[pairing]") {
  both sides;
  pairing_card mine = card("tower", 2);
  mine.addresses = {"192.168.1.2:7300", "[fd00::2]:7300"};
  sides.host = need(pairing_exchange::make(side::hosting, mine, code()));
  run(sides);
  REQUIRE(sides.join.agreed());
  CHECK(sides.join.agreed()->peer.addresses == mine.addresses);
}

TEST_CASE("messages before anybody is known are short", "[pairing]") {
  both sides;
  pairing_card mine = card(std::string(limits::node_name_bytes_max, 'n'), 2);
  mine.addresses.assign(limits::pairing_addresses_max, std::string(180, 'a'));
  sides.host = need(pairing_exchange::make(side::hosting, mine, code()));
  for (const message& each : run(sides)) {
    CHECK_FALSE(each.empty());
    CHECK(each.size() <= limits::pairing_message_bytes_max);
  }
  CHECK(sides.join.agreed());
}

TEST_CASE("with another code neither side agrees, and the host knows that it was a guess", "[pairing]") {
  both sides;
  sides.join = need(pairing_exchange::make(side::joining, card("laptop", 1), code("7K3M-9PQY")));
  const auto sent = run(sides);
  CHECK_FALSE(sides.join.agreed());
  CHECK_FALSE(sides.host.agreed());
  CHECK(sides.host.wrong_code());
  CHECK(sent[3].empty());  // the host proves nothing to one who does not know the code
}

TEST_CASE("a host that does not know the code is not believed", "[pairing]") {
  both sides;
  sides.host = need(pairing_exchange::make(side::hosting, card("tower", 2), code("7K3M-9PQY")));
  message next = need(sides.join.received(need(sides.host.received(sides.join.greeting()))));
  const auto end = sides.join.received(encode_proof(spake2_proof{}));
  REQUIRE_FALSE(end);
  CHECK(sides.join.wrong_code());
  CHECK_FALSE(sides.join.agreed());
}

TEST_CASE("a change of any byte of any message prevents the pairing", "[pairing]") {
  std::size_t lengths[4];
  {
    both sides;
    const auto sent = run(sides);
    for (std::size_t i = 0; i < 4; ++i) lengths[i] = sent[i].size();
  }
  for (int number = 0; number < 4; ++number)
    for (std::size_t place = 0; place < lengths[number]; ++place) {
      INFO("message " << number << ", byte " << place);
      both sides;
      run(sides, number, [&](message& what) { what[place] ^= std::byte{1}; });
      CHECK_FALSE(sides.join.agreed());
      // Of the last message only the joining side can know.
      if (number < 3) CHECK_FALSE(sides.host.agreed());
    }
}

TEST_CASE("a message that is cut or followed by more prevents the pairing", "[pairing]") {
  for (int number = 0; number < 4; ++number)
    for (const int bytes : {-1000, -33, -1, 1, 100}) {
      INFO("message " << number << ", " << bytes);
      both sides;
      run(sides, number, [&](message& what) {
        what.resize(static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, std::ssize(what) + bytes)));
      });
      CHECK_FALSE(sides.join.agreed());
    }
}

TEST_CASE("messages of another exchange with the same code are worth nothing", "[pairing]") {
  both before;
  const auto recorded = run(before);
  {
    both sides;
    const auto answer = sides.host.received(recorded[0]);
    REQUIRE(answer);  // a greeting proves nothing yet
    CHECK_FALSE(sides.host.received(recorded[2]));
    CHECK(sides.host.wrong_code());
  }
  both sides;
  REQUIRE(sides.join.received(recorded[1]));
  CHECK_FALSE(sides.join.received(recorded[3]));
  CHECK_FALSE(sides.join.agreed());
}

TEST_CASE("what a side sent does not convince it when it comes back", "[pairing]") {
  both sides;
  const auto back = sides.join.received(sides.join.greeting());
  REQUIRE_FALSE(back);
  CHECK(back.error().message().find("itself") != std::string::npos);
  both again;
  message proof = need(again.join.received(need(again.host.received(again.join.greeting()))));
  CHECK_FALSE(again.join.received(proof));
}

TEST_CASE("messages out of order end an exchange for good", "[pairing]") {
  both sides;
  CHECK_FALSE(sides.host.received(encode_proof(spake2_proof{})));
  CHECK_FALSE(sides.host.received(sides.join.greeting()));
  both finished;
  const auto sent = run(finished);
  CHECK_FALSE(finished.host.received(sent[2]));
  CHECK_FALSE(finished.host.received({}));
}

TEST_CASE("refusals say what to do", "[pairing]") {
  const std::pair<pairing_refusal, errc> cases[] = {{pairing_refusal::wrong_code, errc::invalid_argument},
                                                    {pairing_refusal::not_kept, errc::unavailable},
                                                    {pairing_refusal::version, errc::unsupported},
                                                    {pairing_refusal::not_understood, errc::unavailable},
                                                    {pairing_refusal::same_key, errc::invalid_argument}};
  for (const auto& [why, expected] : cases) {
    both sides;
    const auto end = sides.join.received(encode_refusal(why, 2));
    REQUIRE_FALSE(end);
    CHECK(end.error().code() == expected);
  }
  both sides;
  CHECK(sides.join.received(encode_refusal(pairing_refusal::wrong_code, 0)).error().message().find("new code") !=
        std::string::npos);
}

TEST_CASE("random messages are refused and nothing else happens", "[pairing]") {
  random_source random(seed_of_this_run());
  both honest;
  const auto sent = run(honest);
  for (int round = 0; round < 2000; ++round) {
    message noise(random.below(limits::pairing_message_bytes_max + 1));
    for (std::byte& each : noise) each = static_cast<std::byte>(random.next());
    // Half of them begin as a proper one does.
    const message& model = sent[random.below(4)];
    if (random.below(2) == 0) std::copy_n(model.begin(), std::min(model.size(), noise.size() / 2), noise.begin());
    CHECK_FALSE(decode_greeting(noise));
    if (noise.size() != sent[2].size()) CHECK_FALSE(decode_proof(noise));
  }
}

TEST_CASE("cards that cannot be sent are refused", "[pairing]") {
  const auto refused = [](pairing_card given) {
    const auto made = pairing_exchange::make(side::joining, std::move(given), code());
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == errc::invalid_argument);
  };
  refused(card("", 1));
  refused(card(std::string(limits::node_name_bytes_max + 1, 'n'), 1));
  refused(card("two\nlines", 1));
  refused(card("nobody", 0));
  refused(card("wrong role", 1, static_cast<peer_role>(77)));
  pairing_card many = card("many", 1);
  many.addresses.assign(limits::pairing_addresses_max + 1, "127.0.0.1:1");
  refused(many);
  many.addresses = {std::string(limits::address_bytes_max + 1, '1')};
  refused(many);
  many.addresses.assign(limits::pairing_addresses_max, std::string(limits::address_bytes_max, '1'));
  refused(many);
}
