// Machines with keys of their own, and who of them trusts whom.
#pragma once

#include "support/temporary_folder.hpp"
#include "support/transport.hpp"
#include "troupe/transport/identity.hpp"
#include "troupe/transport/trust.hpp"

namespace troupe::test {

struct machine {
  explicit machine(std::string called) : name(std::move(called)) {}

  std::string name;
  temporary_folder folder;
  wire::identity key = need(wire::identity::load_or_make(folder.path()));
  wire::trust_store trusted{folder.path()};

  void trust(const machine& other, wire::peer_role role) { need(trusted.put({other.key.key(), other.name, role, {}})); }
  /// Encrypted within this machine too, since that is where tests have their network.
  wire::tcp_options options(wire::link_profile profile = wire::default_profile) const {
    wire::tcp_options made;
    made.self = node_called(name);
    made.profile = profile;
    made.security = wire::link_security::always;
    made.credentials = wire::credentials{key, trusted};
    return made;
  }
};

/// A coordinator and a worker that trust each other.
struct paired_machines {
  machine coordinator{"coordinator"};
  machine worker{"worker"};
  paired_machines() {
    coordinator.trust(worker, wire::peer_role::worker);
    worker.trust(coordinator, wire::peer_role::coordinator);
  }
};

}  // namespace troupe::test
