#include "worker_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <system_error>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

result<std::thread> start_thread(const char* name, std::function<void()> body) {
  // A new thread inherits the mask: the host's handlers keep running on the host's threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread made(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::pthread_setname_np(made.native_handle(), name);
    return made;
  } catch (const std::system_error& problem) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return fail(errc::unavailable, "no thread can be started: {}", problem.what());
  }
}

}  // namespace troupe::wire
