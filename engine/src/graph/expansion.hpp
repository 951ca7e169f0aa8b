// What an operator with bodies, or one that handles sequences, may see and do when a graph is specialised: it puts
// other nodes in its place. See `operator_definition::expand`.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "troupe/engine/operators.hpp"

namespace troupe {

/// A value that is no tensor: a list of values, or an optional without contents. It exists while a graph is
/// specialised, and is gone afterwards.
struct value_list {
  bool is_none = false;
  std::vector<value_id> items;
};

/// The nodes come one after the other, so that everything about their operands is known when they are added.
class expansion {
public:
  virtual ~expansion() = default;

  virtual const operator_table& operators() const = 0;
  /// Whether the contents of a value must be known before the run.
  virtual bool needed_on_host(value_id id) const = 0;
  /// Nullptr when they are known at run time only, and for lists.
  virtual const tensor* contents(value_id id) const = 0;
  /// Fails for a list.
  virtual result<infer_context::operand> tensor_at(value_id id) const = 0;
  /// Nullptr for a tensor.
  virtual const value_list* list_at(value_id id) const = 0;
  /// Makes `id` a list; fails when there are too many entries.
  virtual result<void> set_list(value_id id, value_list list) = 0;

  virtual value_id add_value(const std::string& base, bool needed_on_host) = 0;
  virtual value_id add_constant(const std::string& base, tensor data) = 0;
  /// A tensor of which only the shape matters.
  virtual value_id add_stand_in(const std::string& base, dtype type, const shape& dims) = 0;
  /// Learns what `step` makes; its operands must be known.
  virtual result<void> add(node step) = 0;
  /// Counts nodes that come in the place of `step`; fails when they become too many.
  virtual result<void> charge(const node& step, std::size_t nodes) = 0;
  /// Drops the nodes that `work` adds; what it learns of shapes stays.
  virtual result<void> rehearse(const std::function<result<void>()>& work) = 0;
};

/// Adds one node of opset 13 that makes `target`.
result<void> add_node(expansion& to, std::string_view op, std::vector<value_id> inputs, value_id target,
                      std::map<std::string, attribute, std::less<>> attributes = {});
/// The same for a new value, whose contents are needed if those of `like` are.
result<value_id> add_node_like(expansion& to, std::string_view op, std::vector<value_id> inputs, value_id like,
                               std::map<std::string, attribute, std::less<>> attributes = {});
/// A constant list of integers, or a scalar.
result<value_id> add_ints(expansion& to, const std::vector<std::int64_t>& values);
result<value_id> add_scalar(expansion& to, std::int64_t value);
/// `target` becomes `source`, whatever that is. Nothing happens for `no_value`.
result<void> assign(expansion& to, value_id source, value_id target);
/// The one integer or truth value in operand `i`, which must be known.
result<std::int64_t> read_number(const expansion& from, const node& step, std::size_t i, std::string_view role);
/// The list in operand `i`.
result<const value_list*> read_list(const expansion& from, const node& step, std::size_t i);
bool has_operand(const node& step, std::size_t i);

/// Index `position` of `axis`, without that axis.
result<value_id> take_slice(expansion& to, value_id source, std::int64_t position, std::int64_t axis, value_id like);
/// All `parts` along a new axis.
result<void> stack(expansion& to, const std::vector<value_id>& parts, std::int64_t axis, value_id target);

}  // namespace troupe
