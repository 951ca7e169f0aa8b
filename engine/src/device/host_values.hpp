// The values of one run that are on the host, and the nodes that run there.
#pragma once

#include <span>
#include <vector>

#include "device/lowering/lowered_graph.hpp"

namespace troupe {

/// Values by id, for one run of `work`, which must outlive it.
class host_values {
public:
  explicit host_values(const lowered_graph& work) : work_(work), known_(work.model.graph.values.size()) {}

  /// Takes the caller's inputs; a floating-point type becomes the declared one.
  result<void> set_inputs(std::span<const tensor> inputs);
  void set(value_id id, tensor data);
  /// A constant, a value that was set, or another view of one.
  result<const tensor*> get(value_id id);
  /// Executes one node by its reference definition.
  result<void> run_node(const node& step, const operator_table& operators);
  /// The graph's outputs in their declared types.
  result<std::vector<tensor>> outputs();

private:
  struct entry {
    bool set = false;
    tensor data;
  };
  const lowered_graph& work_;
  std::vector<entry> known_;
};

}  // namespace troupe
