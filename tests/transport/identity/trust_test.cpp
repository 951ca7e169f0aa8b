#include "troupe/transport/trust.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "support/check.hpp"
#include "support/temporary_folder.hpp"
#include "troupe/transport/limits.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

wire::trusted_peer machine(std::uint8_t number, wire::peer_role role = wire::peer_role::worker) {
  wire::trusted_peer made;
  made.key.bytes.fill(std::byte{number});
  made.name = "machine " + std::to_string(number);
  made.role = role;
  made.addresses = {"192.168.1." + std::to_string(number) + ":7000", "cellar.local:7000"};
  return made;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

std::string entry(const std::string& key, const std::string& rest) {
  return R"({"version":1,"peers":[{"key":")" + key + R"(",)" + rest + "}]}";
}

}  // namespace

TEST_CASE("nobody is trusted before anybody was paired", "[identity]") {
  const temporary_folder folder;
  const wire::trust_store store(folder.path() / "none");
  CHECK(need(store.list()).empty());
  CHECK_FALSE(need(store.find(machine(1).key)));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "none"));
}

TEST_CASE("paired machines are kept, replaced and removed", "[identity]") {
  const temporary_folder folder;
  wire::trust_store store(folder.path() / "state");
  need(store.put(machine(1, wire::peer_role::coordinator)));
  need(store.put(machine(2)));
  need(store.put(machine(3, wire::peer_role::observer)));
  const wire::trust_store other(folder.path() / "state");
  CHECK(need(other.list()) ==
        std::vector{machine(1, wire::peer_role::coordinator), machine(2), machine(3, wire::peer_role::observer)});
  CHECK(need(other.find(machine(2).key)) == machine(2));

  auto renamed = machine(2, wire::peer_role::coordinator);
  renamed.name = "Käller \"2\"";
  need(store.put(renamed));
  CHECK(need(other.find(renamed.key)) == renamed);
  CHECK(need(store.remove(machine(1).key)));
  CHECK_FALSE(need(store.remove(machine(1).key)));
  CHECK(need(other.list()) == std::vector{renamed, machine(3, wire::peer_role::observer)});
}

TEST_CASE("what another process changes counts at once", "[identity]") {
  const temporary_folder folder;
  wire::trust_store mine(folder.path());
  wire::trust_store theirs(folder.path());
  // Faster than the resolution of a file's time.
  for (int round = 0; round < 200; ++round) {
    need(theirs.put(machine(1)));
    REQUIRE(need(mine.find(machine(1).key)));
    need(theirs.remove(machine(1).key));
    REQUIRE_FALSE(need(mine.find(machine(1).key)));
  }
}

TEST_CASE("changes of several processes at once are all kept", "[identity]") {
  const temporary_folder folder;
  std::vector<std::thread> threads;
  for (std::uint8_t number = 1; number <= 8; ++number)
    threads.emplace_back([&folder, number] {
      wire::trust_store store(folder.path());
      for (int round = 0; round < 5; ++round) {
        (void)store.put(machine(number));
        if (round < 4) (void)store.remove(machine(number).key);
      }
    });
  for (std::thread& each : threads) each.join();
  CHECK(need(wire::trust_store(folder.path()).list()).size() == 8);
}

TEST_CASE("a damaged list of machines is an error, never an empty list", "[identity]") {
  const temporary_folder folder;
  const auto file = folder.path() / "peers.json";
  const std::string key = wire::to_string(machine(1).key);
  const std::string proper = R"("name":"a","role":"worker","addresses":[])";
  wire::trust_store store(folder.path());
  write(file, entry(key, proper));
  REQUIRE(need(store.list()).size() == 1);
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), entry(key, proper).substr(0, 60),
        std::string(R"({"version":2,"peers":[]})"), std::string(R"({"version":"1","peers":[]})"),
        std::string(R"({"version":1,"peers":[7]})"), entry("12", proper), entry(std::string(64, '0'), proper),
        entry(key, R"("name":"","role":"worker","addresses":[])"),
        entry(key, R"("name":"a\nb","role":"worker","addresses":[])"),
        entry(key, R"("name":"a","role":"king","addresses":[])"), entry(key, R"("name":"a","role":"worker")"),
        entry(key, R"("name":"a","role":"worker","addresses":[5])"),
        entry(key, R"("name":"a","role":"worker","addresses":[""])"),
        entry(key, R"("name":")" + std::string(65, 'a') + R"(","role":"worker","addresses":[])"),
        entry(key, proper + R"(},{"key":")" + key + R"(",)" + proper), std::string(8 << 20, ' '),
        std::string(1 << 20, '[')}) {
    write(file, text);
    const auto listed = store.list();
    REQUIRE_FALSE(listed);
    CHECK(listed.error().code() == errc::invalid_argument);
    CHECK(listed.error().to_string().find(file.string()) != std::string::npos);
    CHECK_FALSE(store.find(machine(1).key));
    CHECK_FALSE(store.put(machine(2)));
    CHECK_FALSE(store.remove(machine(1).key));
  }
  write(file, entry(key, proper));
  CHECK(need(store.list()).size() == 1);
}

TEST_CASE("a machine that could not be read back is not kept", "[identity]") {
  const temporary_folder folder;
  wire::trust_store store(folder.path());
  const auto refused = [&](auto change) {
    auto peer = machine(1);
    change(peer);
    const auto kept = store.put(peer);
    return !kept && kept.error().code() == errc::invalid_argument;
  };
  CHECK(refused([](auto& peer) { peer.key = {}; }));
  CHECK(refused([](auto& peer) { peer.name = ""; }));
  CHECK(refused([](auto& peer) { peer.name = "tab\t"; }));
  CHECK(refused([](auto& peer) { peer.name = "\xff\xfe"; }));
  CHECK(refused([](auto& peer) { peer.role = static_cast<wire::peer_role>(9); }));
  CHECK(refused([](auto& peer) { peer.addresses.assign(limits::peer_addresses_max + 1, "a:1"); }));
  CHECK(refused([](auto& peer) { peer.addresses = {std::string(limits::address_bytes_max + 1, 'a')}; }));
  CHECK(need(store.list()).empty());
}

TEST_CASE("the number of machines is limited", "[identity]") {
  const temporary_folder folder;
  wire::trust_store store(folder.path());
  std::string text = R"({"version":1,"peers":[)";
  for (std::size_t i = 0; i < limits::trusted_peers_max; ++i)
    text += (i ? "," : "") + std::string(R"({"key":")") + std::string(60, 'a') + std::to_string(1000 + i) +
            R"(","name":"a","role":"worker","addresses":[]})";
  write(folder.path() / "peers.json", text + "]}");
  REQUIRE(need(store.list()).size() == limits::trusted_peers_max);
  const auto more = store.put(machine(1));
  REQUIRE_FALSE(more);
  CHECK(more.error().code() == errc::unavailable);
  CHECK(need(store.list()).size() == limits::trusted_peers_max);
}

TEST_CASE("a store that another process holds is not waited for without end", "[identity]") {
  const temporary_folder folder;
  wire::trust_store store(folder.path());
  const int held = ::open((folder.path() / "peers.json.lock").c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(::flock(held, LOCK_EX) == 0);
  const auto kept = store.put(machine(1));
  ::close(held);
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code() == errc::unavailable);
  need(store.put(machine(1)));
}
