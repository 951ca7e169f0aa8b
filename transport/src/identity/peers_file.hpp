// The file behind the trust store: JSON, version 1,
// {"version": 1, "peers": [{"key": HEX, "name": TEXT, "role": TEXT, "addresses": ["HOST:PORT"]}]}.
#pragma once

#include <filesystem>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/limits.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::wire {

/// `invalid_argument` when the peer cannot be kept: no key, a name or addresses outside their limits.
result<void> validate(const trusted_peer& peer);

/// Nobody when there is no such file. `invalid_argument` for one that `write_peers_file` cannot have written.
result<std::vector<trusted_peer>> read_peers_file(const std::filesystem::path& file);

/// Replaces the file as a whole.
result<void> write_peers_file(const std::filesystem::path& file, const std::vector<trusted_peer>& peers);

}  // namespace troupe::wire
