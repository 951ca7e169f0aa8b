#include "worker_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <future>
#include <system_error>
#include <utility>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::wire {

result<void> start_thread(const char* name, std::thread& into, std::function<void()> body) {
  // A new thread inherits the mask: the host's handlers keep running on the host's threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::promise<void> stored;
    into = std::thread([body = std::move(body), gate = stored.get_future()]() mutable {
      gate.wait();
      body();
    });
    ::pthread_setname_np(into.native_handle(), name);
    stored.set_value();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return {};
  } catch (const std::system_error& problem) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return fail(errc::unavailable, "no thread can be started: {}", problem.what());
  }
}

}  // namespace troupe::wire
