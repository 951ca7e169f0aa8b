#include "troupe/transport/strangers.hpp"

#include <sys/socket.h>

#include <chrono>

#include "tcp/socket.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

result<strangers> strangers::connect(const address& target, std::size_t count) {
  if (!target.is_loopback())
    return fail(errc::invalid_argument, "faults are injected within this machine only; {} is not on it",
                target.to_string());
  const time_point deadline = steady_clock::now() + std::chrono::seconds(2);
  strangers made;
  while (made.sockets_.size() < count) {
    auto socket = connect_socket(target, deadline);
    if (!socket) {
      if (made.sockets_.empty()) return std::move(socket).error();
      break;
    }
    made.sockets_.push_back(std::move(*socket));
  }
  return made;
}

strangers::strangers() = default;
strangers::strangers(strangers&&) noexcept = default;
strangers& strangers::operator=(strangers&&) noexcept = default;
strangers::~strangers() = default;

std::size_t strangers::size() const noexcept {
  return sockets_.size();
}

void strangers::say(std::span<const std::byte> bytes) {
  for (const file_descriptor& socket : sockets_)
    (void)::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace troupe::wire
