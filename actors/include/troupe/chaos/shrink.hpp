// Makes a failing plan small: what is left is what the failure needs.
#pragma once

#include <cstddef>
#include <functional>

#include "troupe/chaos/fault.hpp"

namespace troupe::chaos {

struct shrunk_plan {
  fault_plan plan;        ///< fails, as the one that was given
  std::size_t runs = 0;   ///< calls of the predicate
  bool smallest = false;  ///< no single step makes it smaller; false: the calls were used up
};

/// Delta debugging (Zeller and Hildebrandt 2002) over the faults, then, as long as anything changes, each fault's times
/// and parameter and the work's requests, tokens and nodes are brought nearer to their least values by halves. `fails`
/// is told plans that are valid; it is not called with `plan` itself, which is known to fail. At most `runs_max` calls.
shrunk_plan shrink(const fault_plan& plan, const std::function<bool(const fault_plan&)>& fails, std::size_t runs_max);

}  // namespace troupe::chaos
