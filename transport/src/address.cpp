#include "troupe/transport/address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

error unreadable(std::string_view text) {
  return fail(errc::invalid_argument,
              "\"{}\" is not an address; write HOST:PORT, for example 127.0.0.1:7300, [::1]:7300 or localhost:7300",
              printable(text.substr(0, limits::address_bytes_max)));
}

/// The one spelling of a numeric address, or nothing.
std::string canonical(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> raw;
  std::array<char, INET6_ADDRSTRLEN> shown;
  if (::inet_pton(family, host.c_str(), raw.data()) != 1) return {};
  return ::inet_ntop(family, raw.data(), shown.data(), shown.size()) ? shown.data() : "";
}

}  // namespace

bool address::is_loopback() const noexcept {
  return ipv6 ? host == "::1" : host.starts_with("127.");
}

std::string address::to_string() const {
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

result<address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || text.size() > limits::address_bytes_max) return unreadable(text);
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);

  address parsed;
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
  if (problem != std::errc() || end != port.data() + port.size()) return unreadable(text);

  if (host == "localhost") host = "127.0.0.1";
  parsed.ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (parsed.ipv6) host = host.substr(1, host.size() - 2);
  parsed.host = canonical(parsed.ipv6 ? AF_INET6 : AF_INET, std::string(host));
  if (parsed.host.empty()) return unreadable(text);
  return parsed;
}

result<void> check_reachable(const address& where) {
  if (where.is_loopback()) return {};
  return fail(errc::unsupported,
              "{} is not an address of this machine's loopback interface, and pairing with other machines is not "
              "available yet; use 127.0.0.1 or [::1]",
              where.to_string());
}

}  // namespace troupe::wire
