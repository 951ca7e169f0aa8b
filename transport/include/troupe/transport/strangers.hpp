// Fault injection from outside: connections to a node of this machine by nobody that it knows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"
#include "troupe/transport/address.hpp"

namespace troupe::wire {

class file_descriptor;

/// Connections that are open as long as this lives. One thread at a time.
class strangers {
public:
  /// Opens as many as the target takes, at most `count`, within 2 s. `invalid_argument` for a target outside the
  /// loopback interface; `unavailable` when it takes none.
  static result<strangers> connect(const address& target, std::size_t count);
  strangers(strangers&&) noexcept;
  strangers& operator=(strangers&&) noexcept;
  ~strangers();

  /// Sends the same to the target on every connection, as far as it is taken at once.
  void say(std::span<const std::byte> bytes);
  std::size_t size() const noexcept;

private:
  strangers();
  std::vector<file_descriptor> sockets_;
};

}  // namespace troupe::wire
