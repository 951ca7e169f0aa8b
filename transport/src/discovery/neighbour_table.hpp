// What a browser remembers, as plain state: bounded whatever is announced, and forgetful.
#pragma once

#include <vector>

#include "troupe/transport/discovery.hpp"

namespace troupe::wire {

class neighbour_table {
public:
  explicit neighbour_table(std::vector<key_hash> wanted) : wanted_(std::move(wanted)) {}

  /// True when it says something new.
  bool heard(const announcement& told, const std::string& host, bool ipv6, time_point now);
  /// Sorted; who was not heard for `limits::neighbour_life` before `now` is left out.
  std::vector<neighbour> list(time_point now) const;

private:
  struct sighting {
    address where;
    time_point last;
  };
  struct entry {
    announcement told;
    std::vector<sighting> seen;
    time_point last() const;
  };

  void forget(time_point now);
  bool is_wanted(const key_hash& key) const;
  /// Makes room for one more; false when only wanted ones are there.
  bool make_room(bool for_wanted);

  std::vector<key_hash> wanted_;
  std::vector<entry> entries_;
};

}  // namespace troupe::wire
