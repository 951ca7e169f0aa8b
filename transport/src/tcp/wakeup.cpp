#include "tcp/wakeup.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

result<wakeup> wakeup::make() {
  wakeup made;
  made.event_ = file_descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!made.event_) return fail(errc::unavailable, "no event descriptor can be made: {}", std::strerror(errno));
  return made;
}

// Both calls can only fail when there is nothing to do: the counter is full, or empty.
void wakeup::signal() const noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(event_.get(), &one, sizeof one));
}

void wakeup::clear() const noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(event_.get(), &count, sizeof count));
}

}  // namespace troupe::wire
