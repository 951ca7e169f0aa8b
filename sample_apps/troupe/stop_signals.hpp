// Waiting for SIGTERM or SIGINT, for commands that serve until then.
#pragma once

#include <signal.h>

#include "troupe/engine/result.hpp"

namespace troupe::app {

class stop_signals {
public:
  /// Before the system starts its threads, which inherit the mask: only `wait` sees these signals.
  static result<stop_signals> block() {
    stop_signals made;
    sigemptyset(&made.set_);
    sigaddset(&made.set_, SIGTERM);
    sigaddset(&made.set_, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &made.set_, nullptr) != 0)
      return error(errc::internal, "the signals SIGTERM and SIGINT cannot be blocked");
    return made;
  }

  /// Returns with the first; a second ends the process at once, should stopping take too long for the user.
  void wait() const {
    int received = 0;
    sigwait(&set_, &received);
    pthread_sigmask(SIG_UNBLOCK, &set_, nullptr);
  }

private:
  stop_signals() = default;

  sigset_t set_{};
};

}  // namespace troupe::app
