// Where a log is kept: a real folder, or a simulated disk that fails when it is told to.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe {

/// A file that only grows. After an error nothing is known about its end: it must not be used any more.
class log_file {
public:
  virtual ~log_file() = default;
  /// Hands all of `bytes` to the operating system: they outlive the process.
  virtual result<void> append(std::span<const std::byte> bytes) = 0;
  /// Everything appended so far outlives a loss of power too.
  virtual result<void> sync() = 0;
};

/// Keeps one log. One thread at a time.
class log_disk {
public:
  virtual ~log_disk() = default;
  /// What the log holds; nothing when there is none yet. `invalid_argument` for more than `bytes_max`.
  virtual result<std::vector<std::byte>> read(std::size_t bytes_max) = 0;
  /// Puts a new log with these contents in the place of the old one, whole or not at all, whatever happens meanwhile,
  /// and opens it to be continued.
  virtual result<std::unique_ptr<log_file>> replace(std::span<const std::byte> contents) = 0;
};

/// `directory`/streams.log, readable by its owner alone; the directory is made when it is not there. `unavailable` when
/// another process keeps its log there.
result<std::unique_ptr<log_disk>> open_log_folder(const std::filesystem::path& directory);

}  // namespace troupe
