// Where a node listens: a host and a port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// A host (IPv4 or IPv6 address, or a name that is looked up at each connect) and a TCP port; port 0 asks the system to
/// choose one when listening.
struct address {
  std::string host;  ///< without brackets: "127.0.0.1", "::1", "fe80::1%eth0", "cellar.local"
  std::uint16_t port = 0;
  bool ipv6 = false;
  bool is_name = false;

  /// 127.0.0.0/8 and ::1. Never true for a name: what it stands for is known when it was looked up.
  bool is_loopback() const noexcept;
  /// 0.0.0.0 and ::, which mean every interface when listening.
  bool is_wildcard() const noexcept;
  /// "127.0.0.1:7300", "[::1]:7300": what `parse_address` takes.
  std::string to_string() const;
  friend bool operator==(const address&, const address&) = default;
};

/// Reads "HOST:PORT", where HOST is an IPv4 address, an IPv6 address in brackets (with a zone such as %eth0 where it
/// needs one), a name, or `localhost` (127.0.0.1). Looks nothing up.
result<address> parse_address(std::string_view text);

}  // namespace troupe::wire
