// How the operands and results of a node with bodies correspond to those of its bodies.
#pragma once

#include <vector>

#include "troupe/engine/graph.hpp"

namespace troupe {

/// Attribute of nodes with bodies: how many of the last operands (and inputs of each body) are values of the graph
/// around that a body reads by name in the file.
inline constexpr std::string_view captures_attribute = "troupe_captures";

/// One body of a node. Input k of the body is operand `first_operand + k` of the node, at first; result k of the node
/// is output `first_result + k` of the body, in the end or over all iterations.
struct body_form {
  const graph* inside = nullptr;
  std::size_t first_operand = 0;
  std::size_t first_result = 0;
  std::size_t first_state = 0;  ///< inputs from here on, `states` of them, are outputs from `first_result` on next time
  std::size_t states = 0;
  std::size_t captures = 0;
  /// The first output says whether there is another iteration.
  bool goes_on = false;

  std::size_t inputs() const { return inside->inputs.size(); }
  /// Results that are collected over the iterations.
  std::size_t scans() const { return inside->outputs.size() - first_result - states; }
};

/// The bodies of an If (then, else), Loop, Scan or SequenceMap; none for other operators. Fails when a body is missing,
/// or when the numbers of operands, inputs, outputs and results do not belong together.
result<std::vector<body_form>> read_bodies(const node& step);

/// Makes the constants of all bodies constants of `model`, which bodies take as captures: they are the same in every
/// iteration and for every shape. The graph must be valid.
void hoist_constants(graph& model);

}  // namespace troupe
