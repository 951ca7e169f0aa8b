#include "identity/peers_file.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "private_file.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

using nlohmann::json;

constexpr int version = 1;
constexpr std::size_t file_bytes_max = std::size_t{4} << 20;

/// UTF-8, since JSON holds nothing else, in one line.
bool is_proper(const std::string& text, std::size_t bytes_max) {
  if (text.empty() || text.size() > bytes_max ||
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return false;
  try {
    static_cast<void>(json(text).dump());
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

/// Its text, or nothing when it is missing or something else.
const std::string* text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

result<trusted_peer> peer_of(const json& entry) {
  const auto incomplete = [] {
    return error(errc::invalid_argument,
                 "an entry lacks a text \"key\", \"name\" or \"role\", or a list \"addresses\"");
  };
  if (!entry.is_object()) return incomplete();
  const std::string* key = text_of(entry, "key");
  const std::string* name = text_of(entry, "name");
  const std::string* role = text_of(entry, "role");
  const auto addresses = entry.find("addresses");
  if (!key || !name || !role || addresses == entry.end() || !addresses->is_array()) return incomplete();
  trusted_peer peer;
  TROUPE_TRY(peer.key, parse_key_hash(*key));
  TROUPE_TRY(peer.role, parse_peer_role(*role));
  peer.name = *name;
  for (const json& address : *addresses) {
    if (!address.is_string()) return incomplete();
    peer.addresses.push_back(address.get<std::string>());
  }
  TROUPE_CHECK(validate(peer));
  return peer;
}

result<std::vector<trusted_peer>> peers_of(const std::string& text) {
  const json root = json::parse(text, nullptr, /* allow_exceptions */ false);
  if (!root.is_object() || !root.contains("version") || !root["version"].is_number_integer() ||
      !root.contains("peers") || !root["peers"].is_array())
    return error(errc::invalid_argument, "it is not a list of paired machines in JSON");
  if (root["version"] != version)
    return fail(errc::invalid_argument, "it has version {} and this build reads version {}; update Troupe",
                root["version"].dump(), version);
  if (root["peers"].size() > limits::trusted_peers_max)
    return fail(errc::invalid_argument, "it lists {} machines; at most {} are allowed", root["peers"].size(),
                limits::trusted_peers_max);
  std::vector<trusted_peer> peers;
  std::set<key_hash> seen;
  for (const json& entry : root["peers"]) {
    TROUPE_TRY(trusted_peer peer, peer_of(entry));
    if (!seen.insert(peer.key).second)
      return fail(errc::invalid_argument, "it lists the key {} twice", to_string(peer.key));
    peers.push_back(std::move(peer));
  }
  return peers;
}

}  // namespace

result<void> validate(const trusted_peer& peer) {
  if (!peer.key) return error(errc::invalid_argument, "a machine without a key cannot be trusted");
  if (!is_proper(peer.name, limits::node_name_bytes_max))
    return fail(errc::invalid_argument, "\"{}\" cannot be a machine's name; use 1 to {} bytes of UTF-8 in one line",
                printable(std::string_view(peer.name).substr(0, limits::node_name_bytes_max)),
                limits::node_name_bytes_max);
  if (peer.role != peer_role::coordinator && peer.role != peer_role::worker && peer.role != peer_role::observer)
    return fail(errc::invalid_argument, "the role {} does not exist", static_cast<int>(peer.role));
  if (peer.addresses.size() > limits::peer_addresses_max)
    return fail(errc::invalid_argument, "a machine has {} addresses; at most {} are kept", peer.addresses.size(),
                limits::peer_addresses_max);
  for (const std::string& address : peer.addresses)
    if (!is_proper(address, limits::address_bytes_max))
      return fail(errc::invalid_argument, "\"{}\" cannot be a machine's address",
                  printable(std::string_view(address).substr(0, limits::address_bytes_max)));
  return {};
}

result<std::vector<trusted_peer>> read_peers_file(const std::filesystem::path& file) {
  TROUPE_TRY(const auto text, read_private_file(file, file_bytes_max, false));
  if (!text) return std::vector<trusted_peer>();
  auto peers = peers_of(*text);
  if (!peers)
    return std::move(peers).error().while_doing(
        fmt::format("reading {} (mend it, or remove it and pair again)", file.string()));
  return peers;
}

result<void> write_peers_file(const std::filesystem::path& file, const std::vector<trusted_peer>& peers) {
  json entries = json::array();
  for (const trusted_peer& peer : peers)
    entries.push_back({{"key", to_string(peer.key)},
                       {"name", peer.name},
                       {"role", to_string(peer.role)},
                       {"addresses", peer.addresses}});
  const json root{{"version", version}, {"peers", std::move(entries)}};
  TROUPE_CHECK(write_private_file(file, root.dump(2) + "\n", if_present::replace));
  return {};
}

}  // namespace troupe::wire
