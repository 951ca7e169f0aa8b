// Which machines this one is paired with, and what each may ask for.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/transport/key_hash.hpp"

namespace troupe::wire {

/// What a paired machine is to this one; each may do what those below it may. What exactly is in
/// `troupe/transport/permission.hpp`. Values are stored: add at the end, never renumber.
enum class peer_role : std::uint8_t {
  coordinator = 1,  ///< runs its models on this machine
  worker = 2,       ///< runs parts of this machine's models, and sends results
  observer = 3,     ///< asks how things are
};

/// "coordinator", "worker", "observer".
std::string_view to_string(peer_role role) noexcept;
result<peer_role> parse_peer_role(std::string_view text);

struct trusted_peer {
  key_hash key;
  std::string name;  ///< for people; 1 to `limits::node_name_bytes_max` bytes of UTF-8 in one line
  peer_role role = peer_role::worker;
  std::vector<std::string> addresses;  ///< "HOST:PORT" where it was reached, the latest first; at most 16

  friend bool operator==(const trusted_peer&, const trusted_peer&) = default;
};

/// The paired machines, in `directory`/peers.json. Every call looks whether the file has changed, so what another
/// process pairs or unpairs counts at once. A file that cannot be read or understood is an error of every call
/// (`invalid_argument` or `unavailable`, naming it), never an empty store: nobody is trusted by accident, and nothing
/// is overwritten. A handle; copies share one cache. Safe to use from several threads and processes.
class trust_store {
public:
  /// `directory` need not exist: then nobody is trusted yet.
  explicit trust_store(const std::filesystem::path& directory);

  /// In the order in which they were added.
  result<std::vector<trusted_peer>> list() const;
  result<std::optional<trusted_peer>> find(const key_hash& key) const;

  /// Adds the peer, or replaces the one with the same key. `invalid_argument` when it breaks a limit; `unavailable`
  /// when the store is full, cannot be written, or another process holds it for more than 2 s.
  result<void> put(const trusted_peer& peer);
  /// False when there was none with this key.
  result<bool> remove(const key_hash& key);

private:
  struct implementation;
  std::shared_ptr<implementation> impl_;
};

}  // namespace troupe::wire
