// Where a node listens: a numeric host and a port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// An IPv4 or IPv6 address and a TCP port; port 0 asks the system to choose one when listening.
struct address {
  std::string host;  ///< numeric, without brackets: "127.0.0.1", "::1"
  std::uint16_t port = 0;
  bool ipv6 = false;

  /// 127.0.0.0/8 and ::1.
  bool is_loopback() const noexcept;
  /// "127.0.0.1:7300", "[::1]:7300": what `parse_address` takes.
  std::string to_string() const;
  friend bool operator==(const address&, const address&) = default;
};

/// Reads "HOST:PORT", where HOST is an IPv4 address, an IPv6 address in brackets, or `localhost` (127.0.0.1). Other
/// names are not looked up: a look-up can take minutes and this call must not.
result<address> parse_address(std::string_view text);

/// Success for a loopback address. Any other is refused with `unsupported`: machines have to be paired before they
/// talk over a network, and pairing is not available yet.
result<void> check_reachable(const address& where);

}  // namespace troupe::wire
