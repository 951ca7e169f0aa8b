#include "host_table.hpp"

namespace troupe {

host_table::host_table(std::uint32_t remote_hosts) : local_(remote_hosts), hosts_(remote_hosts + 1) {
  for (std::uint32_t host = 0; host < remote_hosts; ++host) ranking_.insert({0, host});
}

bool host_table::ranked(std::uint32_t host) const {
  return host != local_ && hosts_[host].alive && !hosts_[host].draining;
}

bool host_table::wanted(std::uint32_t host) const {
  return host == local_ ? ranking_.empty() : ranked(host);
}

std::uint32_t host_table::add() {
  const auto host = static_cast<std::uint32_t>(hosts_.size());
  hosts_.emplace_back();
  ranking_.insert({0, host});
  return host;
}

void host_table::drain(std::uint32_t host) {
  if (ranked(host)) ranking_.erase({hosts_[host].parts.size(), host});
  hosts_[host].draining = true;
}

void host_table::lose(std::uint32_t host) {
  if (ranked(host)) ranking_.erase({hosts_[host].parts.size(), host});
  hosts_[host].alive = false;
}

void host_table::carry(std::uint32_t host, std::uint32_t part) {
  auto& parts = hosts_[host].parts;
  const std::size_t before = parts.size();
  parts.insert(part);
  if (ranked(host) && ranking_.erase({before, host})) ranking_.insert({parts.size(), host});
}

void host_table::release(std::uint32_t host, std::uint32_t part) {
  auto& parts = hosts_[host].parts;
  const std::size_t before = parts.size();
  parts.erase(part);
  if (ranked(host) && ranking_.erase({before, host})) ranking_.insert({parts.size(), host});
}

std::optional<std::uint32_t> host_table::least_loaded(const std::set<std::uint32_t>& except) const {
  for (const auto& [parts, host] : ranking_)
    if (!except.count(host)) return host;
  if (!except.count(local_)) return local_;
  return std::nullopt;
}

std::optional<std::uint32_t> host_table::most_loaded() const {
  if (ranking_.empty()) return std::nullopt;
  return ranking_.rbegin()->second;
}

}  // namespace troupe
