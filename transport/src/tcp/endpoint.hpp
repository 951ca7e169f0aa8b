// Addresses as the kernel takes them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/transport/address.hpp"

namespace troupe::wire {

struct endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  /// This machine itself, also as IPv4 address within IPv6.
  bool is_loopback() const noexcept;
  /// Numeric.
  address to_address() const;
};

/// What an address stands for now, in the order in which to try; at most 8. A name is looked up by a thread of its own,
/// which is left behind when it does not answer by `deadline`. `unavailable`: nobody knows the name.
result<std::vector<endpoint>> resolve(const address& where, time_point deadline);

/// Both ends of a connected socket; of size 0 when it is not connected any more.
endpoint local_end(int socket);
endpoint remote_end(int socket);

}  // namespace troupe::wire
