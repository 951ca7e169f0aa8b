// Profiled runs as people and programs read them: a table by operator, the slowest nodes, a trace.
#pragma once

#include "console.hpp"
#include "troupe/engine/profile.hpp"
#include "troupe/engine/roofline.hpp"

namespace troupe::app {

/// One profile whose every time is the median over `runs`, which must be of one program and shape.
run_profile median_profile(const std::vector<run_profile>& runs);

/// What is known of several steps together: of a node, or of all nodes of one operator.
struct profile_line {
  std::string name;        ///< of the operator, or of the node
  std::string kernels;     ///< names of its shaders, each once; "host" for what runs there
  std::size_t count = 0;   ///< nodes, or steps
  double duration_us = 0;  ///< in all
  std::uint64_t bytes = 0, operations = 0;
  /// The part of the time that the machine at its limits would need; 0 where nothing is known.
  double fraction_of(const roofline& limits) const;
};

std::vector<profile_line> by_operator(const run_profile& taken);  ///< slowest first
std::vector<profile_line> by_node(const run_profile& taken);      ///< slowest first

void print_profile(console& out, const run_profile& taken, const roofline& limits);
json profile_json(const run_profile& taken, const roofline& limits);

/// The trace event format of Chrome, which Perfetto (ui.perfetto.dev) opens: host and device as two tracks.
result<void> write_trace(const std::string& file, const run_profile& taken, const std::string& device);

}  // namespace troupe::app
