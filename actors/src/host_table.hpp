// The nodes that the parts of one plan may be placed on: which are there, which are about to leave, and how many parts
// each has to carry. Plain state; every question costs at most the logarithm of the number of nodes.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe {

/// Hosts are numbered in the order in which they came, and no number is used twice: a node that returns is another
/// host. One of them is this process, which carries parts only while there is no other.
class host_table {
public:
  /// Hosts 0 .. `remote_hosts` - 1 are other nodes, and host `remote_hosts` is this process.
  explicit host_table(std::uint32_t remote_hosts);

  std::uint32_t local() const noexcept { return local_; }
  std::size_t size() const noexcept { return hosts_.size(); }
  bool alive(std::uint32_t host) const { return hosts_[host].alive; }
  /// Parts may be placed there: it is alive, does not leave, and is another node unless there is none.
  bool wanted(std::uint32_t host) const;

  /// Another node has come; returns its number.
  std::uint32_t add();
  /// The host takes no more parts.
  void drain(std::uint32_t host);
  void lose(std::uint32_t host);

  /// The host has to carry this part from now on, or no longer.
  void carry(std::uint32_t host, std::uint32_t part);
  void release(std::uint32_t host, std::uint32_t part);
  const std::set<std::uint32_t>& parts_of(std::uint32_t host) const { return hosts_[host].parts; }

  /// The wanted host with the fewest parts, the lowest number among equals, that is not in `except`.
  std::optional<std::uint32_t> least_loaded(const std::set<std::uint32_t>& except = {}) const;
  /// The wanted host with the most parts.
  std::optional<std::uint32_t> most_loaded() const;

private:
  struct host_entry {
    bool alive = true, draining = false;
    std::set<std::uint32_t> parts;
  };
  bool ranked(std::uint32_t host) const;

  std::uint32_t local_;
  std::vector<host_entry> hosts_;
  std::set<std::pair<std::size_t, std::uint32_t>> ranking_;  ///< parts and number of other nodes that take parts
};

}  // namespace troupe
