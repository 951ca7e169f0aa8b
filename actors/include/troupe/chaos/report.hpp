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

namespace limits {
/// Of a report: runs that are kept, those without violations among them, and times of recoveries of runs that are not.
inline constexpr std::size_t runs_kept_max = 6'000;
inline constexpr std::size_t good_runs_kept_max = 5'000;
inline constexpr std::size_t recovery_times_max = 1'000'000;
}  // namespace limits

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
  std::uint64_t number = 0;        ///< of the run in its report, from 1
};

/// Of several runs together.
struct run_sums {
  std::uint64_t runs = 0, failed = 0, answers = 0, recoveries = 0;  ///< `failed`: runs with violations
  std::map<fault_kind, kind_count> kinds;
  std::vector<double> recovery_s;

  void add(const run_report& run);
};

/// Everything that was carried out together.
struct chaos_report {
  std::string name;              ///< "simulation", "real processes"
  std::vector<run_report> runs;  ///< the first ones and the first that failed, within `limits`
  run_sums further;              ///< of the others

  /// Takes the next run: its number is set.
  void add(run_report run);
  std::uint64_t carried_out() const noexcept { return runs.size() + further.runs; }
  std::uint64_t failed() const noexcept;  ///< runs with violations
  /// Of all runs; `recovery_s` in order of size.
  run_sums sums() const;
};

/// One line: "seed 7: 3 faults, 64 answers, 1 recovery, 0.21 s, ok".
std::string summary_of(const run_report& run);
/// Several lines: kinds with their counts, violations with their plans, recovery times.
std::string text_of(const chaos_report& report);
/// One object: {"name","runs","failed","kinds":{...},"recovery_s":{...},"violations":[{...,"scenario"}]}.
std::string json_of(const chaos_report& report);
/// A test suite with a case for each run that is kept; times in seconds, the scenario with each failure.
std::string junit_of(const chaos_report& report);

}  // namespace troupe::chaos
