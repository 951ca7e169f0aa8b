// A driver that fails once, at a call that is chosen by its number.
#pragma once

#include <atomic>
#include <cstdint>

#include "troupe/engine/device.hpp"

namespace troupe::test {

/// Counts calls; when armed, makes one of them fail, once.
class nth_call final : public device_fault_hook {
public:
  std::optional<errc> before_call(std::string_view) override {
    if (++calls_ != failing_) return std::nullopt;
    ++injected_;
    return kind_.load();
  }
  void arm(std::int64_t number, errc kind) {
    kind_ = kind;
    calls_ = 0;
    failing_ = number;
  }
  std::int64_t calls() const { return calls_; }
  std::int64_t injected() const { return injected_; }

private:
  std::atomic<std::int64_t> calls_{0}, failing_{0}, injected_{0};
  std::atomic<errc> kind_{errc::device_lost};
};

}  // namespace troupe::test
