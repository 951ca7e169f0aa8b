// Builds one slice of a graph: knows which values are whole in it and which are cut, and has either form made where a
// rule asks for it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "graph/partition/tensor/axis_cut.hpp"
#include "graph/value_namer.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {

/// Shapes of the values of a graph, as far as they do not depend on the inputs.
class slice_facts {
public:
  slice_facts(const graph& model, const operator_table& operators);

  std::optional<std::size_t> rank(value_id id) const;
  /// Nothing for an extent that inputs decide.
  std::optional<std::int64_t> extent(value_id id, std::size_t axis) const;
  /// Where the axis of `from` goes when a node reshapes it to `to`.
  std::optional<moved_axis> reshaped(value_id from, value_id to, std::size_t axis) const;
  /// Nodes that read the value.
  std::span<const std::size_t> readers(value_id id) const { return readers_[id]; }

private:
  struct shapes {
    std::vector<std::optional<shape>> dims;
  };
  static shapes shapes_with(const graph& model, const operator_table& operators, std::int64_t unknown);

  shapes first_, second_;  ///< two choices for open extents tell which others depend on them
  std::vector<std::vector<std::size_t>> readers_;
};

class slice_builder {
public:
  /// `shares`: of all slices. Borrows everything.
  slice_builder(const graph& model, const slice_facts& facts, std::span<const double> shares, std::size_t slice);

  const graph& model() const noexcept { return model_; }
  const slice_facts& facts() const noexcept { return facts_; }
  std::size_t slice() const noexcept { return slice_; }
  std::size_t slices() const noexcept { return shares_.size(); }
  const tensor* constant(value_id id) const;

  /// How the value is cut so far; nullptr for a whole one. Takes `no_value`.
  const axis_cut* cut_of(value_id id) const;
  std::optional<std::vector<std::int64_t>> divide(std::int64_t extent, std::int64_t unit) const {
    return divide_extent(extent, unit, shares_);
  }

  // Values of the model as values of this slice. `no_value` stays what it is.

  /// The whole value, exchanged if it has to be.
  value_id whole(value_id id);
  /// This slice's piece. A whole value is cut here, without a message.
  value_id piece(value_id id, const axis_cut& cut);
  /// A constant of this slice alone.
  value_id constant_of(const std::string& name, tensor data);

  /// Appends `step`, whose operands are values of this slice and whose results are those of the model, each cut as
  /// `cuts` says.
  void add(node step, const std::vector<std::optional<axis_cut>>& cuts);
  /// Appends a step that makes a partial sum of the model's value, its only result, which is exchanged at once.
  void add_summand(node step);

  /// The slice with all outputs of the model, whole.
  graph finish(std::string name);
  std::size_t exchanges() const noexcept { return exchanges_; }
  /// The first failure of a conversion; rules go on with `no_value`.
  result<void> status() const { return failed_ ? result<void>(*failed_) : result<void>(); }

private:
  struct placed_value {
    std::optional<axis_cut> cut;
    value_id local = no_value;  ///< this slice's piece, or the whole
    value_id whole = no_value;
    std::vector<std::pair<axis_cut, value_id>> pieces;  ///< cut from the whole
  };

  value_id fresh(value_id like);
  value_id exchange(value_id partial, value_id like, const axis_cut* cut);
  value_id keep(result<tensor> data, value_id like);

  const graph& model_;
  const slice_facts& facts_;
  std::span<const double> shares_;
  std::size_t slice_;
  graph made_;
  value_namer namer_;
  std::vector<placed_value> values_;
  std::size_t exchanges_ = 0;
  std::optional<error> failed_;
};

}  // namespace troupe
