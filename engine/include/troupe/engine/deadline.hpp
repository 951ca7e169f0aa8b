// When a wait must end, and a way to end it early. Every wait in Troupe takes one.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

namespace troupe {

using steady_clock = std::chrono::steady_clock;
using time_point = steady_clock::time_point;
using duration = steady_clock::duration;

/// Where time comes from: the real steady clock, or a simulator's. Wall-clock time is for logs only.
/// Implementations must be callable from any thread.
class clock_source {
public:
  virtual ~clock_source() = default;
  virtual time_point now() const = 0;
};

/// The process's steady clock.
class real_clock final : public clock_source {
public:
  time_point now() const override { return steady_clock::now(); }
};

/// Shared flag by which another thread ends a wait early. Copies refer to the same flag.
class cancellation {
public:
  cancellation() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }

private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace troupe
