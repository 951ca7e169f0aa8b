#include "troupe/transport/discovery.hpp"

#include <atomic>
#include <thread>

#include "discovery/beacon.hpp"
#include "discovery/multicast.hpp"
#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;
using troupe::test::random_source;
using troupe::test::soon;

namespace {

/// A key that no other test running on this machine announces.
key_hash own_key() {
  key_hash made;
  const node_id drawn = need(make_node_id());
  std::memcpy(made.bytes.data(), &drawn, sizeof drawn);
  return made;
}

const address loopback{"127.0.0.1", 0, false};

std::vector<neighbour> with_key(const std::vector<neighbour>& all, const key_hash& key) {
  std::vector<neighbour> found;
  for (const neighbour& each : all)
    if (each.told.key == key) found.push_back(each);
  return found;
}

browser::condition knows(const key_hash& key) {
  return [key](const std::vector<neighbour>& all) { return !with_key(all, key).empty(); };
}

ipv4_interface loopback_interface() {
  for (const ipv4_interface& each : list_ipv4_interfaces())
    if (each.loopback) return each;
  FAIL("there is no loopback interface");
  return {};
}

}  // namespace

TEST_CASE("a service that listens on the loopback interface is found there", "[discovery]") {
  const key_hash key = own_key();
  const browser watching = need(browser::start());
  const announcer announcing = need(announcer::start({service::node, key, 7300}, loopback));
  const auto found = with_key(watching.wait(soon(), knows(key)), key);
  REQUIRE(found.size() == 1);
  CHECK(found[0].told.what == service::node);
  REQUIRE(found[0].addresses.size() == 1);
  CHECK(found[0].addresses[0].to_string() == "127.0.0.1:7300");
}

TEST_CASE("several browsers on one machine hear the same", "[discovery]") {
  const key_hash key = own_key();
  const browser one = need(browser::start()), other = need(browser::start());
  const announcer announcing = need(announcer::start({service::pairing, key, 7301}, loopback));
  CHECK(with_key(one.wait(soon(), knows(key)), key).size() == 1);
  CHECK(with_key(other.wait(soon(), knows(key)), key).size() == 1);
}

TEST_CASE("a service that ends is forgotten", "[discovery]") {
  const key_hash key = own_key();
  const browser watching = need(browser::start());
  {
    const announcer announcing = need(announcer::start({service::node, key, 7300}, loopback));
    REQUIRE_FALSE(with_key(watching.wait(soon(), knows(key)), key).empty());
  }
  // What changes with time alone wakes nobody, so it is asked for.
  const time_point end = soon();
  while (!with_key(watching.neighbours(), key).empty() && steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(with_key(watching.neighbours(), key).empty());
}

TEST_CASE("a flood of noise and of invented services hides nobody who is wanted", "[discovery]") {
  const key_hash key = own_key();
  const browser watching = need(browser::start({key}));
  std::atomic<bool> over{false};
  std::thread flood([&] {
    const multicast_sender sender = need(multicast_sender::make());
    const ipv4_interface through = loopback_interface();
    random_source random(1);
    while (!over) {
      for (int i = 0; i < 20; ++i) {
        key_hash invented;
        for (std::byte& each : invented.bytes) each = static_cast<std::byte>(random.next());
        sender.send(through, encode_beacon({service::node, invented, 1}));
        sender.send(through, std::vector<std::byte>(random.below(1400), std::byte{0x54}));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const announcer announcing = need(announcer::start({service::node, key, 7300}, loopback));
  const auto found = watching.wait(soon(), knows(key));
  over = true;
  flood.join();
  CHECK(with_key(found, key).size() == 1);
  CHECK(found.size() <= limits::neighbours_max);
}

TEST_CASE("what has no key or port is not announced", "[discovery]") {
  CHECK_FALSE(announcer::start({service::node, {}, 7300}, loopback));
  CHECK_FALSE(announcer::start({service::node, own_key(), 0}, loopback));
}

TEST_CASE("waiting for neighbours ends at its deadline", "[discovery]") {
  const browser watching = need(browser::start());
  const auto start = steady_clock::now();
  CHECK(with_key(watching.wait(start + std::chrono::milliseconds(50), knows(own_key())), own_key()).empty());
  CHECK(steady_clock::now() - start < std::chrono::seconds(10));
}
