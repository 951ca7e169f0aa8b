// A disk in memory that fails at the n-th call, for logs.
#pragma once

#include <limits>

#include "log_disk.hpp"

namespace troupe::test {

/// What outlives the objects that use it, as a disk outlives a process.
struct disk_contents {
  std::vector<std::byte> bytes;
  std::size_t calls = 0;  ///< that could have failed, so far
  std::size_t fails_at = std::numeric_limits<std::size_t>::max();
  std::size_t syncs = 0;

  /// A failing write leaves this much of what it should have written.
  double torn = 0.5;

  result<void> call() {
    if (calls++ == fails_at) return error(errc::unavailable, "the simulated disk fails");
    return {};
  }
};

class simulated_disk final : public log_disk {
public:
  explicit simulated_disk(std::shared_ptr<disk_contents> held) : held_(std::move(held)) {}

  result<std::vector<std::byte>> read(std::size_t bytes_max) override {
    TROUPE_CHECK(held_->call());
    if (held_->bytes.size() > bytes_max) return error(errc::invalid_argument, "the simulated log is too large");
    return held_->bytes;
  }

  result<std::unique_ptr<log_file>> replace(std::span<const std::byte> contents) override {
    TROUPE_CHECK(held_->call());
    held_->bytes.assign(contents.begin(), contents.end());
    return std::unique_ptr<log_file>(std::make_unique<file>(held_));
  }

private:
  struct file final : log_file {
    explicit file(std::shared_ptr<disk_contents> held) : held_(std::move(held)) {}

    result<void> append(std::span<const std::byte> bytes) override {
      const auto done = held_->call();
      const auto kept = done ? bytes.size() : static_cast<std::size_t>(static_cast<double>(bytes.size()) * held_->torn);
      held_->bytes.insert(held_->bytes.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept));
      return done;
    }
    result<void> sync() override {
      ++held_->syncs;
      return held_->call();
    }

    std::shared_ptr<disk_contents> held_;
  };

  std::shared_ptr<disk_contents> held_;
};

}  // namespace troupe::test
