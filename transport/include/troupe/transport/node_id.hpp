// The identity of one process run: no two are ever alike, also after a restart on the same port.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// 128 random bits drawn when a process starts. All zero means nobody.
struct node_id {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  explicit operator bool() const noexcept { return high != 0 || low != 0; }
  friend auto operator<=>(const node_id&, const node_id&) = default;
};

/// Drawn from the operating system's generator; fails with `internal` when that gives nothing.
result<node_id> make_node_id();

/// 32 hexadecimal digits.
std::string to_string(const node_id& id);

}  // namespace troupe::wire
