// Cap'n Proto reports broken input by exceptions and may log on the way. This keeps both inside the codec.
#pragma once

#include <kj/exception.h>

#include <exception>
#include <utility>

#include "troupe/engine/result.hpp"

namespace troupe::wire {

/// While it lives on a thread's stack, Cap'n Proto logs nothing and takes no stack traces on that thread: input from
/// outside must not write to the host's stderr, and unwinding for each bad message would be work for free.
class quiet_kj final : public kj::ExceptionCallback {
public:
  void logMessage(kj::LogSeverity, const char*, int, int, kj::String&&) override {}
  StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }
};

/// Calls `work`, which returns some `result`, and turns what it throws into an error with `code`.
template <class Work>
auto contain_kj(errc code, Work work) -> decltype(work()) {
  try {
    const quiet_kj quiet;
    return work();
  } catch (const kj::Exception& problem) {
    return error(code, std::string("Cap'n Proto says: ") + problem.getDescription().cStr());
  } catch (const std::bad_alloc&) {
    return error(errc::out_of_memory, "the host has no memory for a message");
  } catch (const std::exception& problem) {
    return error(code, std::string("the codec fails: ") + problem.what());
  }
}

}  // namespace troupe::wire
