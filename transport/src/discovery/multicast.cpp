#include "discovery/multicast.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/discovery.hpp"

namespace troupe::wire {
namespace {

constexpr std::uint16_t group_port = 7384;
// In the range for private use (RFC 2365): 239.84.82.80, "TRP".
constexpr std::uint32_t group_number = 0xef'54'52'50;

sockaddr_in group_address() {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(group_port);
  made.sin_addr.s_addr = htonl(group_number);
  return made;
}

ip_mreqn membership(const ipv4_interface& on) {
  ip_mreqn made{};
  made.imr_multiaddr.s_addr = htonl(group_number);
  made.imr_address = on.address;
  made.imr_ifindex = on.index;
  return made;
}

result<file_descriptor> make_datagram_socket() {
  file_descriptor made(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!made) return fail(errc::unavailable, "no socket for discovery can be made: {}", std::strerror(errno));
  return made;
}

template <class T>
bool set(const file_descriptor& socket, int level, int option, const T& value) {
  return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

}  // namespace

std::vector<ipv4_interface> list_ipv4_interfaces() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owned(first, ::freeifaddrs);
  std::vector<ipv4_interface> found;
  for (const ifaddrs* each = first; each; each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || !(each->ifa_flags & IFF_UP)) continue;
    const bool loopback = each->ifa_flags & IFF_LOOPBACK;
    if (!loopback && !(each->ifa_flags & IFF_MULTICAST)) continue;
    if (found.size() >= limits::discovery_interfaces_max) break;
    found.push_back({static_cast<int>(::if_nametoindex(each->ifa_name)),
                     reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, loopback});
  }
  return found;
}

result<multicast_sender> multicast_sender::make() {
  TROUPE_TRY(file_descriptor socket, make_datagram_socket());
  const int one = 1;
  // To this host too: its other processes want to know. Both are the system's defaults.
  static_cast<void>(set(socket, IPPROTO_IP, IP_MULTICAST_TTL, one));
  static_cast<void>(set(socket, IPPROTO_IP, IP_MULTICAST_LOOP, one));
  return multicast_sender(std::move(socket));
}

void multicast_sender::send(const ipv4_interface& through, std::span<const std::byte> datagram) const noexcept {
  if (!set(socket_, IPPROTO_IP, IP_MULTICAST_IF, membership(through))) return;
  const sockaddr_in to = group_address();
  static_cast<void>(::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to));
}

result<multicast_receiver> multicast_receiver::make() {
  TROUPE_TRY(file_descriptor socket, make_datagram_socket());
  const int on = 1, off = 0;
  const sockaddr_in group = group_address();
  // Several processes of one machine listen. Bound to the group, the socket hears nothing that is sent to the machine
  // itself; without IP_MULTICAST_ALL only the interfaces that it has joined.
  if (!set(socket, SOL_SOCKET, SO_REUSEADDR, on) || !set(socket, IPPROTO_IP, IP_MULTICAST_ALL, off) ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0)
    return fail(errc::unavailable, "nothing can listen on UDP port {} for discovery: {}; give addresses instead",
                group_port, std::strerror(errno));
  return multicast_receiver(std::move(socket));
}

void multicast_receiver::join(std::span<const ipv4_interface> interfaces) noexcept {
  // Joining again is refused by the system and changes nothing.
  for (const ipv4_interface& each : interfaces)
    static_cast<void>(set(socket_, IPPROTO_IP, IP_ADD_MEMBERSHIP, membership(each)));
}

std::optional<multicast_receiver::datagram> multicast_receiver::receive(std::span<std::byte> buffer) const {
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const auto count =
      ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  std::array<char, INET_ADDRSTRLEN> shown{};
  if (count < 0 || !::inet_ntop(AF_INET, &from.sin_addr, shown.data(), shown.size())) return std::nullopt;
  return datagram{buffer.first(static_cast<std::size_t>(count)), shown.data()};
}

}  // namespace troupe::wire
