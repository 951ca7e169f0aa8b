#include "discovery/beacon.hpp"

#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::random_source;
using troupe::test::seed_of_this_run;

namespace {

announcement some(service what = service::node) {
  announcement made{what, {}, 7300};
  made.key.bytes.fill(std::byte{0xab});
  return made;
}

}  // namespace

TEST_CASE("a beacon carries service, key and port, and nothing else", "[discovery]") {
  for (const service what : {service::node, service::pairing}) {
    const auto sent = encode_beacon(some(what));
    const auto got = decode_beacon(sent);
    REQUIRE(got);
    CHECK(got->what == what);
    CHECK(got->key == some().key);
    CHECK(got->port == 7300);
  }
  // The bytes are a format that other builds rely on.
  const auto sent = encode_beacon(some());
  CHECK(std::string(reinterpret_cast<const char*>(sent.data()), 4) == "TRPB");
  CHECK(sent[4] == std::byte{1});
  CHECK(sent[5] == std::byte{1});
  CHECK(sent[6] == std::byte{0x84});
  CHECK(sent[7] == std::byte{0x1c});
}

TEST_CASE("what is not exactly a beacon is not one", "[discovery]") {
  const auto good = encode_beacon(some());
  const auto refused = [&](std::size_t place, int value) {
    auto changed = good;
    changed[place] = static_cast<std::byte>(value);
    CHECK_FALSE(decode_beacon(changed));
  };
  for (std::size_t i = 0; i < 4; ++i) refused(i, 'x');
  refused(4, 0);
  refused(4, 2);
  refused(5, 0);
  refused(5, 3);
  auto no_port = good;
  no_port[6] = no_port[7] = std::byte{0};
  CHECK_FALSE(decode_beacon(no_port));
  auto no_key = good;
  std::fill(no_key.begin() + 8, no_key.end(), std::byte{0});
  CHECK_FALSE(decode_beacon(no_key));
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode_beacon(std::span(good).first(size)));
  std::vector<std::byte> longer(good.begin(), good.end());
  longer.push_back(std::byte{0});
  CHECK_FALSE(decode_beacon(longer));
}

TEST_CASE("random datagrams are no beacons", "[discovery]") {
  random_source random(seed_of_this_run());
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> noise(random.below(100));
    for (std::byte& each : noise) each = static_cast<std::byte>(random.next());
    CHECK_FALSE(decode_beacon(noise));
  }
}
