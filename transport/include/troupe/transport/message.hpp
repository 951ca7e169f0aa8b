// What a link carries: a short head and any number of large attachments that are never copied in user space.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace troupe::wire {

/// Immutable bytes, shared by whoever needs them. `data` keeps them alive.
struct blob {
  std::shared_ptr<const std::byte> data;
  std::size_t size = 0;

  std::span<const std::byte> bytes() const noexcept { return {data.get(), size}; }
};

/// Three queues of one link. Messages of one lane arrive in the order they were sent. Between two frames a control
/// message overtakes bulk data, and both overtake background data (weights on their way to a node), so nothing may rely
/// on the order of messages of different lanes.
enum class lane : std::uint8_t { control = 0, bulk = 1, background = 2 };
inline constexpr std::size_t lane_count = 3;

/// A message to send. The bytes must not change until the last copy of each blob's `data` is gone.
struct outgoing_message {
  blob head;                      ///< not empty
  std::vector<blob> attachments;  ///< none of them empty
  wire::lane lane = lane::bulk;

  std::size_t byte_size() const noexcept {
    std::size_t total = head.size;
    for (const blob& part : attachments) total += part.size;
    return total;
  }
};

/// A message received. `head` and every attachment start at an address that is a multiple of 64.
struct incoming_message {
  blob head;
  std::vector<blob> attachments;
  wire::lane lane = lane::bulk;

  std::size_t byte_size() const noexcept {
    std::size_t total = head.size;
    for (const blob& part : attachments) total += part.size;
    return total;
  }
};

}  // namespace troupe::wire
