// UDP multicast within one network: what carries beacons.
#pragma once

#include <netinet/in.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tcp/descriptor.hpp"
#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// An interface that is up, with one of its IPv4 addresses.
struct ipv4_interface {
  int index = 0;
  in_addr address{};
  bool loopback = false;
};

/// At most `limits::discovery_interfaces_max`, the loopback interface among them; empty when the system does not tell.
std::vector<ipv4_interface> list_ipv4_interfaces();

/// Sends datagrams to the group. They go no further than the next router.
class multicast_sender {
public:
  static result<multicast_sender> make();
  /// Datagrams that cannot be sent are lost, as any may be.
  void send(const ipv4_interface& through, std::span<const std::byte> datagram) const noexcept;

private:
  explicit multicast_sender(file_descriptor socket) : socket_(std::move(socket)) {}
  file_descriptor socket_;
};

/// Receives what is sent to the group on the interfaces that were joined.
class multicast_receiver {
public:
  static result<multicast_receiver> make();
  /// To be called now and then, since interfaces come and go.
  void join(std::span<const ipv4_interface> interfaces) noexcept;
  int descriptor() const noexcept { return socket_.get(); }

  struct datagram {
    std::span<const std::byte> bytes;  ///< in the buffer that was given
    std::string sender;                ///< an IPv4 address
  };
  /// The next one that has arrived, cut to the size of `buffer`; nothing when there is none.
  std::optional<datagram> receive(std::span<std::byte> buffer) const;

private:
  explicit multicast_receiver(file_descriptor socket) : socket_(std::move(socket)) {}
  file_descriptor socket_;
};

}  // namespace troupe::wire
