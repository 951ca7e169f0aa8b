// Fault plans as text, so that a failure can be kept in a file, read, changed and carried out again.
//
//   # comments go to the end of the line
//   seed 42
//   model stories-q8_0.gguf       (a path relative to the file; without it a small network that is built in)
//   nodes 4
//   mode pipeline                 (or tensor, data, ensemble)
//   requests 1
//   tokens 64
//   deadline 60s
//   at 120ms node 2 P2.freeze for 3s
//   at token 17 node 1 P1.kill for 500ms
//   at token 20 plus 300us node 0 N6.delay with ms=20 for 2s
//   at 1s cluster C1.cancel
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "troupe/chaos/fault.hpp"

namespace troupe::chaos {

namespace limits {
inline constexpr std::size_t scenario_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t scenario_line_bytes_max = 4096;
}  // namespace limits

/// Reads a scenario; every line but those of faults may be left out and then has its default (`workload`). Parameters
/// that are left out have their usual value. `invalid_argument`, naming the line, for anything else; the plan that is
/// returned is valid.
result<fault_plan> parse_scenario(std::string_view text);

/// The text of a valid plan, all of it: `parse_scenario` gives the same plan back.
std::string print_scenario(const fault_plan& plan);

/// One fault as a line of a scenario, without its end.
std::string to_string(const fault& shown);

/// "500us", "120ms", "3s": the largest unit without a fraction.
std::string to_string(microseconds shown);

/// "pipeline", "tensor", "data", "ensemble".
std::string_view to_string(parallel_mode mode) noexcept;

}  // namespace troupe::chaos
