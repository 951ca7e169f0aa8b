// How much of what clients ask may wait for the thread of a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace troupe {

struct inbox_limits {
  std::size_t records = 16'384;               ///< of all clients: requests, and one acknowledgement for many tokens
  std::size_t bytes = std::size_t{64} << 20;  ///< of all clients, as they came
  std::size_t requests = 16;                  ///< of one client
};

/// Plain state.
class inbox_budget {
public:
  explicit inbox_budget(const inbox_limits& limits = {}) : limits_(limits) {}

  /// Counts a record that shall wait; false when it is too much.
  bool take(std::uint64_t client, std::size_t bytes, bool is_request) {
    if (records_ >= limits_.records || bytes > limits_.bytes - bytes_) return false;
    if (is_request) {
      std::size_t& waiting = requests_[client];
      if (waiting >= limits_.requests) return false;
      ++waiting;
    }
    ++records_;
    bytes_ += bytes;
    return true;
  }

  /// Nothing waits any more.
  void clear() {
    records_ = bytes_ = 0;
    requests_.clear();
  }

private:
  inbox_limits limits_;
  std::size_t records_ = 0, bytes_ = 0;
  std::map<std::uint64_t, std::size_t> requests_;  ///< that wait, by client
};

}  // namespace troupe
