// What came of fault plans: for people, for programs (JSON) and for continuous integration (JUnit).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "troupe/chaos/fault.hpp"

namespace troupe::chaos {

/// How often a kind of fault was part of plans, reached its place in them, and had something to hit.
struct kind_count {
  std::uint64_t drawn = 0, armed = 0, fired = 0;
  friend bool operator==(const kind_count&, const kind_count&) = default;
};

/// Something that must not have happened.
struct violation {
  std::string invariant;  ///< id of the fault model: "I2"
  std::string what;       ///< a sentence
  microseconds at{0};     ///< after the work began
  friend bool operator==(const violation&, const violation&) = default;
};

/// One plan, carried out.
struct run_report {
  fault_plan plan;
  std::map<fault_kind, kind_count> kinds;
  std::vector<violation> violations;
  std::uint64_t answers = 0;       ///< tokens, or outputs of networks without tokens
  std::uint64_t recoveries = 0;    ///< times that parts were lost and their work done again
  std::vector<double> recovery_s;  ///< from each fault that cost time to the next answer
  std::uint64_t trace_hash = 0;    ///< of everything that happened, in simulation; 0: real processes
  double seconds = 0;              ///< that it took
};

/// Everything that was carried out together.
struct chaos_report {
  std::string name;  ///< "simulation", "real processes"
  std::vector<run_report> runs;

  std::size_t failed() const noexcept;  ///< runs with violations
  std::map<fault_kind, kind_count> kinds() const;
  /// Of all runs, in order of size.
  std::vector<double> recovery_s() const;
};

/// One line: "seed 7: 3 faults, 64 answers, 1 recovery, 0.21 s, ok".
std::string summary_of(const run_report& run);
/// Several lines: kinds with their counts, violations with their plans, recovery times.
std::string text_of(const chaos_report& report);
/// One object: {"name","runs","failed","kinds":{...},"recovery_s":{...},"violations":[{...,"scenario"}]}.
std::string json_of(const chaos_report& report);
/// A test suite with a case a run; times in seconds, the scenario with each failure.
std::string junit_of(const chaos_report& report);

}  // namespace troupe::chaos
