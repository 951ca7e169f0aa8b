// A part of a graph as a graph of its own.
#pragma once

#include <map>
#include <optional>

#include "graph/partition/prediction.hpp"
#include "graph/value_namer.hpp"

namespace troupe {

/// Takes over nodes and values of `model`, which it borrows with the facts about it.
class part_graph {
public:
  part_graph(const graph& model, const operator_table& operators, const prediction& facts)
      : model_(model), operators_(operators), facts_(facts) {}

  /// The part so far; inputs and outputs are up to the caller.
  graph part;

  /// The value in the part, with its contents if it is a constant, and as a state if it is one. Takes `no_value`.
  value_id map(value_id id);
  void add(const node& step);

  /// How a value travels between parts: as `storage`, if a kernel made it; nothing when its type is known only at run
  /// time.
  static std::optional<dtype> travel_type(const prediction& facts, value_id id, dtype storage);

  /// Declares the value of the model in the part with this type. Values made by nodes are declared as they are found,
  /// not as the file hints: a wrong hint would refuse a right value.
  void declare(value_id id, std::optional<dtype> type) { declare(map(id), id, type); }
  /// Gives a value as `type` that nodes of this part read in its own type, and returns what gives it. What is given
  /// keeps the name.
  value_id pass_on(value_id id, std::optional<dtype> type);

private:
  void declare(value_id mapped, value_id id, std::optional<dtype> type);

  const graph& model_;
  const operator_table& operators_;
  const prediction& facts_;
  std::map<value_id, value_id> ids_;
};

}  // namespace troupe
