// Nodes of the local network: who announces itself, who is paired with this machine, who answers.
#pragma once

#include <caf/actor_system.hpp>
#include <filesystem>
#include <optional>

#include "remoting.hpp"
#include "troupe/found_node.hpp"
#include "troupe/transport/discovery.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe {

/// In place of addresses in `system_options::nodes`: all nodes of this machine and of paired ones that can be found.
inline constexpr std::string_view automatic_nodes = "auto";

class neighbourhood {
public:
  /// Without a state directory nobody is known, and nodes of this machine alone are talked to. Both must outlive it.
  neighbourhood(caf::actor_system& actors, remoting& links, std::filesystem::path state_directory)
      : actors_(actors), links_(links), state_directory_(std::move(state_directory)) {}

  /// Listens for `patience`, then asks every node that may be talked to how it is. Paired machines that were not heard
  /// of are tried where they said that they listen. Blocks for at most 15 s more.
  result<std::vector<found_node>> find(duration patience);

  /// Addresses of the nodes that `automatic_nodes` stands for, those on this machine first: others could not use the
  /// loopback addresses of those. Takes at most 15 s. `unavailable` when there is none.
  result<std::vector<std::string>> usable();

  /// Lets others find the node that listens at `address` (its port: `port`). Nothing without a state directory, which
  /// is without a key, or where discovery does not work.
  void announce(std::string_view address, std::uint16_t port);

private:
  struct acquaintances {
    wire::key_hash own;  ///< nobody's without a state directory
    std::vector<wire::trusted_peer> paired;
  };
  result<acquaintances> known();
  result<std::vector<found_node>> listen(const acquaintances& known, time_point deadline,
                                         const wire::browser::condition& enough);
  void ask(found_node& node, time_point deadline);

  caf::actor_system& actors_;
  remoting& links_;
  std::filesystem::path state_directory_;
  std::optional<wire::announcer> announced_;
};

}  // namespace troupe
