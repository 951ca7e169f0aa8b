// The files of a state directory, which a user or a broken disk may have changed.
#include "abilities_file.hpp"
#include "fuzz_target.hpp"
#include "identity/peers_file.hpp"
#include "support/need.hpp"
#include "support/temporary_folder.hpp"

namespace troupe::test {
namespace {

std::vector<std::byte> read_back(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return to_bytes(text);
}

device_info some_device() {
  device_info made;
  made.name = "a device";
  made.driver = "a driver";
  return made;
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  const temporary_folder folder;
  wire::trusted_peer peer;
  peer.key.bytes.fill(std::byte{7});
  peer.name = "desk";
  peer.addresses = {"192.168.1.2:7383"};
  const auto peers = folder.path() / "peers.json";
  need(wire::write_peers_file(peers, {peer}));
  node_ability measured;
  measured.device = some_device().name;
  measured.driver = some_device().driver;
  measured.operations_per_s = measured.bytes_per_s = 1e9;
  const auto abilities = folder.path() / "abilities.json";
  need(keep_ability(abilities, measured));
  return {{"peers.json", read_back(peers)},
          {"abilities.json", read_back(abilities)},
          {"nested", to_bytes(std::string(50'000, '['))},
          {"numbers", to_bytes("{\"version\": 1e999, \"peers\": -0}")},
          {"twice", to_bytes("{\"version\":1,\"version\":2,\"peers\":[{}]}")}};
}

bool fuzz_once(std::span<const std::byte> input) {
  static const temporary_folder folder;
  const auto file = folder.write("state.json", input);
  const auto ability = find_ability(file, some_device());
  const auto peers = wire::read_peers_file(file);
  std::filesystem::remove(file);  // quicker than to write over it
  if (ability) fuzz_require(check(*ability).has_value(), "an ability that was read makes no sense");
  if (!peers) return ability.has_value();
  for (const auto& peer : *peers) fuzz_require(wire::validate(peer).has_value(), "a peer that was read cannot be kept");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 256 * input_bytes + 262'144;
}

}  // namespace troupe::test
