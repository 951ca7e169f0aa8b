#include "troupe/transport/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/transport/limits.hpp"
#include "wire/bytes.hpp"

namespace troupe::wire {
namespace {

constexpr std::size_t zone_max = 15;  // of an interface's name in Linux
constexpr std::size_t label_max = 63;

error unreadable(std::string_view text) {
  return fail(errc::invalid_argument,
              "\"{}\" is not an address; write HOST:PORT, for example 127.0.0.1:7300, [::1]:7300 or cellar.local:7300",
              printable(text.substr(0, limits::address_bytes_max)));
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The one spelling of a numeric address, or nothing.
std::string canonical(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> raw;
  std::array<char, INET6_ADDRSTRLEN> shown;
  if (::inet_pton(family, host.c_str(), raw.data()) != 1) return {};
  return ::inet_ntop(family, raw.data(), shown.data(), shown.size()) ? shown.data() : "";
}

/// The same for what stands in brackets, which may end in %ZONE.
std::string canonical_ipv6(std::string_view host) {
  const auto percent = host.find('%');
  std::string shown = canonical(AF_INET6, std::string(host.substr(0, percent)));
  if (percent == std::string_view::npos || shown.empty()) return shown;
  const auto zone = host.substr(percent + 1);
  const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; };
  if (zone.empty() || zone.size() > zone_max || !std::all_of(zone.begin(), zone.end(), allowed)) return {};
  return fmt::format("{}%{}", shown, zone);
}

/// Labels of letters, digits, - and _ between dots. The last one is not a number, or a mistyped IPv4 address would be
/// looked up as a name.
bool is_host_name(std::string_view text) {
  std::string_view label;
  for (auto rest = text; !rest.empty();) {
    const auto dot = rest.find('.');
    label = rest.substr(0, dot);
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; };
    if (label.empty() || label.size() > label_max || !std::all_of(label.begin(), label.end(), allowed)) return false;
  }
  return !std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool address::is_loopback() const noexcept {
  return !is_name && (ipv6 ? host == "::1" : host.starts_with("127."));
}

bool address::is_wildcard() const noexcept {
  return host == (ipv6 ? "::" : "0.0.0.0");
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
  parsed.host = parsed.ipv6 ? canonical_ipv6(host.substr(1, host.size() - 2)) : canonical(AF_INET, std::string(host));
  if (parsed.host.empty() && !parsed.ipv6 && is_host_name(host)) {
    parsed.is_name = true;
    parsed.host = host;
  }
  if (parsed.host.empty()) return unreadable(text);
  return parsed;
}

}  // namespace troupe::wire
