// The typed operator graph that importers make and devices run. It knows nothing of files, devices or actors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Index into `graph::values`.
using value_id = std::uint32_t;
/// An optional operand that is left out.
inline constexpr value_id no_value = 0xffffffffu;

/// One extent of a declared shape: a number, a named unknown ("batch"), or an unnamed unknown.
struct dimension {
  std::int64_t extent = -1;  ///< -1 when unknown until run time
  std::string symbol;        ///< name of the unknown; may be empty
  friend bool operator==(const dimension&, const dimension&) = default;
};

/// A tensor-valued edge of the graph.
struct value_info {
  std::string name;         ///< unique within the graph, not empty
  dtype type = dtype::f32;  ///< declared type; meaningful when `type_known`
  bool type_known = false;
  std::optional<std::vector<dimension>> dims;  ///< nothing when even the rank is unknown

  /// "float32[batch,3,?]", for messages; "any type" and "[...]" where nothing is known.
  std::string describe() const;
};

struct graph;
/// A graph inside a node: the branches of If, the bodies of Loop, Scan and SequenceMap. It is closed: what it reads of
/// the graph around it is an operand of the node and an input of the body, behind those that ONNX lists. The branches
/// of an If take the same inputs, whether or not they read them. Never null in a valid graph.
using subgraph = std::shared_ptr<const graph>;

using attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, tensor, subgraph>;

/// One operator application.
struct node {
  std::string op;                 ///< ONNX operator name, e.g. "Conv"
  std::string domain;             ///< "" for ONNX's own
  std::string name;               ///< for messages; may be empty
  int version = 0;                ///< opset the model imports for `domain`
  std::vector<value_id> inputs;   ///< `no_value` marks an omitted optional operand
  std::vector<value_id> outputs;  ///< `no_value` marks an output nobody wants
  std::map<std::string, attribute, std::less<>> attributes;

  /// The attribute, or `fallback` when it is absent or of another kind.
  std::int64_t int_or(std::string_view key, std::int64_t fallback) const;
  float float_or(std::string_view key, float fallback) const;
  std::string string_or(std::string_view key, std::string fallback) const;
  std::vector<std::int64_t> ints_or(std::string_view key, std::vector<std::int64_t> fallback) const;
  /// Nothing when absent or of another kind.
  const std::vector<std::int64_t>* ints(std::string_view key) const;
  const tensor* tensor_attribute(std::string_view key) const;
  const graph* body_attribute(std::string_view key) const;
  bool has(std::string_view key) const { return attributes.find(key) != attributes.end(); }

  /// `Conv "conv1"`, for messages.
  std::string describe() const;
};

/// A network or a part of one. `nodes` are in an order in which every operand is made before it is used.
/// A plain value: passes copy and change it, `validate` says whether the result is sound.
struct graph {
  std::string name;
  std::vector<value_info> values;
  std::vector<node> nodes;
  std::vector<value_id> inputs;                 ///< what a caller supplies, in the model's order
  std::vector<value_id> outputs;                ///< what a caller receives, in the model's order
  std::map<value_id, tensor> constants;         ///< weights and other values known before the run
  /// Memory that a program keeps from run to run, zeros at first (caches of keys and values). Each is a floating-point
  /// value of known extents that no node makes; operators that list it in `operator_definition::state_inputs` change it.
  std::vector<value_id> states;
  std::map<std::string, std::string> metadata;  ///< the model's own notes: producer, labels, ...

  /// Adds a value and returns its id.
  value_id add_value(value_info info);
  /// Adds a value that is known before the run.
  value_id add_constant(std::string name, tensor data);
  /// Adds a state of this shape.
  value_id add_state(std::string name, dtype type, const shape& dims);
  bool is_state(value_id id) const noexcept;
  /// Nothing when no graph input (output) has this name.
  std::optional<std::size_t> input_index(std::string_view name) const;
  std::optional<std::size_t> output_index(std::string_view name) const;
  /// Bytes of all constants.
  std::size_t constant_bytes() const;
};

/// The extents of a state; an error unless its type and all of them are known.
result<shape> state_dims(const value_info& state);

/// Checks what every other part of the engine relies on: ids in range, names unique, one producer for each value,
/// operands made before use, limits kept; in the bodies of nodes, too. The error names the node and value.
result<void> validate(const graph& model);

/// Calls `visit` for every node of `model` and of the bodies in it. The graph must be valid.
void for_each_node(const graph& model, const std::function<void(const node&)>& visit);

}  // namespace troupe
