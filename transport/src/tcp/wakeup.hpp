// Ends another thread's poll.
#pragma once

#include "tcp/descriptor.hpp"
#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// Once signalled, `descriptor()` polls readable until `clear`. Any thread may signal.
class wakeup {
public:
  static result<wakeup> make();
  int descriptor() const noexcept { return event_.get(); }
  void signal() const noexcept;
  void clear() const noexcept;

private:
  file_descriptor event_;
};

}  // namespace troupe::wire
