// The work that faults disturb: streams of answers, each of which depends on the one before or on its place alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "troupe/chaos/fault.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/system.hpp"

namespace troupe::chaos {

/// One answer: a token, or a hash of the outputs' bits.
struct answer {
  std::uint32_t request = 0;
  std::uint64_t value = 0;
};

/// What a request is told at last.
struct request_end {
  std::uint32_t request = 0;
  std::optional<error> failure;
};

/// The requests of one plan on one loaded model.
class work_run {
public:
  virtual ~work_run() = default;
  /// Waits for what comes next, with language models until `deadline`. Nothing in either list: try again.
  virtual void next(time_point deadline, std::vector<answer>& answers, std::vector<request_end>& ends) = 0;
  /// Withdraws the last request; it is answered no more. False: it has ended.
  virtual bool cancel_last() = 0;
  /// So many runs more at once, of which only the answers count, not what they say. How many were begun.
  virtual std::size_t flood(std::size_t count) = 0;
  /// Of those, how many have no answer yet.
  virtual std::size_t open_extras() const = 0;
  virtual std::uint64_t recoveries() const = 0;
};

/// A model file, and how its answers are made.
class work_source {
public:
  virtual ~work_source() = default;
  virtual const graph& network() const = 0;
  virtual result<std::unique_ptr<work_run>> begin(const model& on, const workload& work, std::uint64_t seed) const = 0;
};

/// `file` is a language model (GGUF), any other network (ONNX), or empty: a small network that is built in.
result<std::unique_ptr<work_source>> open_work(const std::string& file, std::uint32_t requests);

}  // namespace troupe::chaos
