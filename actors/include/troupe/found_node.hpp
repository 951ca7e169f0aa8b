// A node of the local network as this machine sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

enum class node_relation : std::uint8_t {
  own,       ///< has this machine's key
  paired,    ///< of a machine that this one is paired with
  stranger,  ///< of another machine: it is not talked to before somebody pairs the two
};

struct found_node {
  std::string name;                    ///< from the pairing, or as it calls itself; empty when neither is known
  std::string key;                     ///< 64 hexadecimal digits: what it claims to be, proven once `status` is there
  std::vector<std::string> addresses;  ///< "host:port"; the one that answered comes first
  node_relation relation = node_relation::stranger;
  std::string problem;  ///< why there is no status, for people

  struct report {
    std::string version;               ///< of Troupe; empty when it does not say
    std::vector<std::string> devices;  ///< names
    std::chrono::duration<double> round_trip{};
  };
  std::optional<report> status;  ///< if it answers
};

}  // namespace troupe
