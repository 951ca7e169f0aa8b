#include "discovery/neighbour_table.hpp"

#include <algorithm>
#include <tuple>

namespace troupe::wire {
namespace {

bool is_old(time_point last, time_point now) {
  return now - last > limits::neighbour_life;
}

auto order_of(const announcement& told) {
  return std::tie(told.what, told.key, told.port);
}

}  // namespace

time_point neighbour_table::entry::last() const {
  time_point latest{};
  for (const sighting& each : seen) latest = std::max(latest, each.last);
  return latest;
}

bool neighbour_table::is_wanted(const key_hash& key) const {
  return std::find(wanted_.begin(), wanted_.end(), key) != wanted_.end();
}

void neighbour_table::forget(time_point now) {
  for (entry& each : entries_) std::erase_if(each.seen, [&](const sighting& s) { return is_old(s.last, now); });
  std::erase_if(entries_, [](const entry& each) { return each.seen.empty(); });
}

bool neighbour_table::make_room(bool for_wanted) {
  if (entries_.size() < limits::neighbours_max) return true;
  // Somebody invents services. Those who were there stay, and for a wanted one a stranger goes.
  if (!for_wanted) return false;
  const auto stranger =
      std::find_if(entries_.begin(), entries_.end(), [this](const entry& each) { return !is_wanted(each.told.key); });
  if (stranger == entries_.end()) return false;
  entries_.erase(stranger);
  return true;
}

bool neighbour_table::heard(const announcement& told, const std::string& host, bool ipv6, time_point now) {
  forget(now);
  auto found = std::find_if(entries_.begin(), entries_.end(),
                            [&](const entry& each) { return order_of(each.told) == order_of(told); });
  if (found == entries_.end()) {
    if (!make_room(is_wanted(told.key))) return false;
    found = entries_.insert(entries_.end(), entry{told, {}});
  }
  const address where{host, told.port, ipv6};
  const auto known =
      std::find_if(found->seen.begin(), found->seen.end(), [&](const sighting& each) { return each.where == where; });
  if (known != found->seen.end()) {
    known->last = now;
    return false;
  }
  if (found->seen.size() >= limits::neighbour_hosts_max)
    found->seen.erase(std::min_element(found->seen.begin(), found->seen.end(),
                                       [](const sighting& a, const sighting& b) { return a.last < b.last; }));
  found->seen.push_back({where, now});
  return true;
}

std::vector<neighbour> neighbour_table::list(time_point now) const {
  std::vector<neighbour> listed;
  for (const entry& each : entries_) {
    if (is_old(each.last(), now)) continue;
    neighbour made{each.told, {}};
    for (const sighting& one : each.seen)
      if (!is_old(one.last, now)) made.addresses.push_back(one.where);
    std::sort(made.addresses.begin(), made.addresses.end(), [](const address& a, const address& b) {
      const bool far_a = !a.is_loopback(), far_b = !b.is_loopback();
      return std::tie(far_a, a.ipv6, a.host) < std::tie(far_b, b.ipv6, b.host);
    });
    listed.push_back(std::move(made));
  }
  std::sort(listed.begin(), listed.end(),
            [](const neighbour& a, const neighbour& b) { return order_of(a.told) < order_of(b.told); });
  return listed;
}

}  // namespace troupe::wire
