#include "tcp/endpoint.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>

#include <array>
#include <charconv>
#include <cstring>
#include <future>
#include <thread>

#include "troupe/engine/detail/fail.hpp"
#include "worker_thread.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t endpoints_max = 8;

const sockaddr_in& v4(const endpoint& of) {
  return reinterpret_cast<const sockaddr_in&>(of.storage);
}
const sockaddr_in6& v6(const endpoint& of) {
  return reinterpret_cast<const sockaddr_in6&>(of.storage);
}

void set_port(endpoint& of, std::uint16_t port) {
  auto& raw = of.storage;
  (raw.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(raw).sin6_port
                             : reinterpret_cast<sockaddr_in&>(raw).sin_port) = htons(port);
}

/// The number of an interface, given by its name or as a number; 0 when there is none.
std::uint32_t zone_index(const std::string& zone) {
  std::uint32_t index = ::if_nametoindex(zone.c_str());
  if (index == 0) std::from_chars(zone.data(), zone.data() + zone.size(), index);
  return index;
}

result<endpoint> numeric(const address& where) {
  endpoint made;
  if (where.ipv6) {
    auto& raw = reinterpret_cast<sockaddr_in6&>(made.storage);
    const auto percent = where.host.find('%');
    raw.sin6_family = AF_INET6;
    ::inet_pton(AF_INET6, where.host.substr(0, percent).c_str(), &raw.sin6_addr);
    if (percent != std::string::npos) {
      raw.sin6_scope_id = zone_index(where.host.substr(percent + 1));
      if (raw.sin6_scope_id == 0)
        return fail(errc::invalid_argument, "this machine has no network interface \"{}\"",
                    where.host.substr(percent + 1));
    }
    made.size = sizeof raw;
  } else {
    auto& raw = reinterpret_cast<sockaddr_in&>(made.storage);
    raw.sin_family = AF_INET;
    ::inet_pton(AF_INET, where.host.c_str(), &raw.sin_addr);
    made.size = sizeof raw;
  }
  set_port(made, where.port);
  return made;
}

/// Blocks for as long as the system's resolver likes.
result<std::vector<endpoint>> look_up(const std::string& name, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(name.c_str(), nullptr, &wanted, &found); code != 0)
    return fail(errc::unavailable, "the name \"{}\" cannot be looked up: {}; check it, or give a numeric address", name,
                ::gai_strerror(code));
  std::vector<endpoint> all;
  for (const addrinfo* each = found; each && all.size() < endpoints_max; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    endpoint made;
    std::memcpy(&made.storage, each->ai_addr, each->ai_addrlen);
    made.size = each->ai_addrlen;
    set_port(made, port);
    all.push_back(made);
  }
  ::freeaddrinfo(found);
  if (all.empty()) return fail(errc::unavailable, "the name \"{}\" has no address", name);
  return all;
}

endpoint end_of(int socket, int (*ask)(int, sockaddr*, socklen_t*)) {
  endpoint made;
  made.size = sizeof made.storage;
  if (ask(socket, made.get(), &made.size) != 0) return {};
  return made;
}

}  // namespace

bool endpoint::is_loopback() const noexcept {
  if (size == 0) return false;
  if (storage.ss_family == AF_INET) return ntohl(v4(*this).sin_addr.s_addr) >> 24 == 127;
  const auto& raw = v6(*this).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&raw) || (IN6_IS_ADDR_V4MAPPED(&raw) && raw.s6_addr[12] == 127);
}

address endpoint::to_address() const {
  address made;
  made.ipv6 = storage.ss_family == AF_INET6;
  const void* raw = made.ipv6 ? static_cast<const void*>(&v6(*this).sin6_addr) : &v4(*this).sin_addr;
  std::array<char, INET6_ADDRSTRLEN> shown{};
  if (size == 0 || !::inet_ntop(storage.ss_family, raw, shown.data(), shown.size())) return {};
  made.host = shown.data();
  made.port = ntohs(made.ipv6 ? v6(*this).sin6_port : v4(*this).sin_port);
  std::array<char, IF_NAMESIZE> zone{};
  if (made.ipv6 && v6(*this).sin6_scope_id != 0 && ::if_indextoname(v6(*this).sin6_scope_id, zone.data()))
    made.host += fmt::format("%{}", zone.data());
  return made;
}

result<std::vector<endpoint>> resolve(const address& where, time_point deadline) {
  if (!where.is_name) {
    TROUPE_TRY(const endpoint one, numeric(where));
    return std::vector{one};
  }
  auto answer = std::make_shared<std::promise<result<std::vector<endpoint>>>>();
  auto outcome = answer->get_future();
  std::thread asking;
  TROUPE_CHECK(start_thread("troupe-resolve", asking, [answer, name = where.host, port = where.port] {
    answer->set_value(look_up(name, port));
  }));
  asking.detach();
  if (outcome.wait_until(deadline) != std::future_status::ready)
    return fail(errc::deadline_exceeded,
                "the name \"{}\" is not looked up in time; check it, or give a numeric address", where.host);
  return outcome.get();
}

endpoint local_end(int socket) {
  return end_of(socket, ::getsockname);
}

endpoint remote_end(int socket) {
  return end_of(socket, ::getpeername);
}

}  // namespace troupe::wire
