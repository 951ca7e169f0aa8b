#include "discovery/neighbour_table.hpp"

#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::wire;
using std::chrono::milliseconds;
using troupe::test::random_source;
using troupe::test::seed_of_this_run;

namespace {

key_hash key(std::uint16_t number) {
  key_hash made;
  made.bytes[0] = static_cast<std::byte>(number >> 8);
  made.bytes[1] = static_cast<std::byte>(number);
  made.bytes[31] = std::byte{1};
  return made;
}

announcement node(std::uint16_t number, std::uint16_t port = 7300) {
  return {service::node, key(number), port};
}

}  // namespace

TEST_CASE("a neighbour has every host it was heard from, this machine first", "[discovery]") {
  neighbour_table table({});
  const time_point now{};
  CHECK(table.heard(node(1), "192.168.1.5", false, now));
  CHECK(table.heard(node(1), "127.0.0.1", false, now));
  CHECK_FALSE(table.heard(node(1), "192.168.1.5", false, now));
  const auto listed = table.list(now);
  REQUIRE(listed.size() == 1);
  REQUIRE(listed[0].addresses.size() == 2);
  CHECK(listed[0].addresses[0].to_string() == "127.0.0.1:7300");
  CHECK(listed[0].addresses[1].to_string() == "192.168.1.5:7300");
}

TEST_CASE("services of one key are told apart", "[discovery]") {
  neighbour_table table({});
  const time_point now{};
  table.heard(node(1, 7301), "127.0.0.1", false, now);
  table.heard(node(1, 7300), "127.0.0.1", false, now);
  table.heard({service::pairing, key(1), 7302}, "127.0.0.1", false, now);
  const auto listed = table.list(now);
  REQUIRE(listed.size() == 3);
  CHECK(listed[0].told.port == 7300);
  CHECK(listed[1].told.port == 7301);
  CHECK(listed[2].told.what == service::pairing);
}

TEST_CASE("who falls silent is forgotten, host by host", "[discovery]") {
  neighbour_table table({});
  const time_point start{};
  table.heard(node(1), "192.168.1.5", false, start);
  table.heard(node(2), "192.168.1.6", false, start);
  const time_point later = start + limits::neighbour_life;
  table.heard(node(1), "192.168.1.7", false, later);
  CHECK(table.list(later).size() == 2);
  const auto listed = table.list(later + milliseconds(1));
  REQUIRE(listed.size() == 1);
  REQUIRE(listed[0].addresses.size() == 1);
  CHECK(listed[0].addresses[0].host == "192.168.1.7");
}

TEST_CASE("invented neighbours take bounded room and drive nobody out", "[discovery]") {
  neighbour_table table({key(60'000)});
  const time_point now{};
  CHECK(table.heard(node(1), "192.168.1.5", false, now));
  for (std::uint16_t i = 2; i < 5000; ++i) table.heard(node(i), "192.168.1.66", false, now);
  CHECK(table.list(now).size() == limits::neighbours_max);
  CHECK(table.list(now)[0].told.key == key(1));
  // One that is wanted is taken in all the same.
  CHECK(table.heard(node(60'000), "192.168.1.9", false, now));
  const auto listed = table.list(now);
  CHECK(listed.size() == limits::neighbours_max);
  CHECK(listed.back().told.key == key(60'000));
  // Wanted keys with many ports are bounded, too.
  for (std::uint16_t port = 1; port < 5000; ++port) table.heard(node(60'000, port), "192.168.1.9", false, now);
  CHECK(table.list(now).size() == limits::neighbours_max);
}

TEST_CASE("of many hosts for one service the latest are kept", "[discovery]") {
  neighbour_table table({});
  time_point now{};
  for (int i = 1; i <= 20; ++i) table.heard(node(1), "10.0.0." + std::to_string(i), false, now += milliseconds(1));
  const auto listed = table.list(now);
  REQUIRE(listed[0].addresses.size() == limits::neighbour_hosts_max);
  for (const address& each : listed[0].addresses) CHECK(std::stoi(each.host.substr(7)) > 16);
}
