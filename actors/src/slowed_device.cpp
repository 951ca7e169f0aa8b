#include "slowed_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// How soon a withdrawn run is noticed.
constexpr std::chrono::milliseconds polling{20};

class slowed_program final : public program {
public:
  slowed_program(std::unique_ptr<program> fast, double factor) : fast_(std::move(fast)), factor_(factor) {}

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override {
    const time_point started = steady_clock::now();
    TROUPE_TRY(auto outputs, fast_->run(inputs, deadline, cancel));
    const time_point end = started + std::chrono::duration_cast<duration>((steady_clock::now() - started) * factor_);
    while (steady_clock::now() < end) {
      if (cancel.cancelled()) return fail(errc::cancelled, "the caller withdrew the request");
      if (steady_clock::now() >= deadline)
        return fail(errc::deadline_exceeded, "the run does not finish before its deadline; allow more time");
      std::this_thread::sleep_until(std::min({end, deadline, steady_clock::now() + polling}));
    }
    return outputs;
  }

  result<run_profile> profile(std::span<const tensor> inputs, time_point deadline,
                              const cancellation& cancel) override {
    return fast_->profile(inputs, deadline, cancel);
  }
  program_stats stats() const override { return fast_->stats(); }

private:
  std::unique_ptr<program> fast_;
  double factor_;
};

class slowed_device final : public device {
public:
  slowed_device(std::shared_ptr<device> fast, double factor)
      : fast_(std::move(fast)), info_(fast_->info()), factor_(factor) {
    info_.name += fmt::format(" (slowed {}x)", factor);
  }
  const device_info& info() const noexcept override { return info_; }
  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options& options) override {
    TROUPE_TRY(auto loaded, fast_->load(std::move(part), options));
    return std::unique_ptr<program>(std::make_unique<slowed_program>(std::move(loaded), factor_));
  }

private:
  std::shared_ptr<device> fast_;
  device_info info_;
  double factor_;
};

}  // namespace

std::shared_ptr<device> slowed(std::shared_ptr<device> fast, double factor) {
  return factor > 1 ? std::make_shared<slowed_device>(std::move(fast), factor) : fast;
}

}  // namespace troupe
