// One direction of a connection through a fault proxy: bytes with the times at which they may go on.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "troupe/engine/deadline.hpp"

namespace troupe::wire {

class proxied_stream {
public:
  static constexpr std::size_t waiting_bytes_max = std::size_t{256} << 10;

  bool has_room() const noexcept { return waiting_ < waiting_bytes_max; }
  bool empty() const noexcept { return lots_.empty(); }

  /// They go on at `due`, and never before what was added earlier.
  void add(std::vector<std::byte> bytes, time_point due) {
    if (bytes.empty()) return;
    if (!lots_.empty() && due < lots_.back().due) due = lots_.back().due;
    waiting_ += bytes.size();
    lots_.push_back({due, std::move(bytes), 0});
  }

  /// When the first bytes may go on; the furthest time there is when none wait.
  time_point due() const noexcept { return lots_.empty() ? time_point::max() : lots_.front().due; }

  const std::byte* data() const noexcept { return lots_.front().bytes.data() + lots_.front().sent; }
  std::size_t size() const noexcept { return lots_.front().bytes.size() - lots_.front().sent; }
  void sent(std::size_t count) noexcept {
    waiting_ -= count;
    lots_.front().sent += count;
    if (size() == 0) lots_.pop_front();
  }

private:
  struct lot {
    time_point due;
    std::vector<std::byte> bytes;
    std::size_t sent;
  };
  std::deque<lot> lots_;
  std::size_t waiting_ = 0;
};

}  // namespace troupe::wire
