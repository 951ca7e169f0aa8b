// Graphs written down in a few lines, and a handful of operators small enough to be checked by eye: tests of passes
// and of specialisation do not depend on the operators that ship.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe::test {

/// Builds a graph by names: a value exists as soon as something mentions it.
class graph_builder {
public:
  value_id value(const std::string& name) {
    if (name.empty()) return no_value;
    const auto [found, first] = ids_.try_emplace(name, static_cast<value_id>(made_.values.size()));
    if (first) made_.add_value({name, dtype::f32, false, std::nullopt});
    return found->second;
  }
  /// An extent of -1 is an unnamed unknown.
  graph_builder& declare(const std::string& name, dtype type, const std::vector<std::int64_t>& extents) {
    value_info& info = made_.values[value(name)];
    info.type = type;
    info.type_known = true;
    info.dims.emplace();
    for (const auto extent : extents) info.dims->push_back({extent, {}});
    return *this;
  }
  graph_builder& input(const std::string& name, dtype type, const std::vector<std::int64_t>& extents) {
    declare(name, type, extents);
    made_.inputs.push_back(value(name));
    return *this;
  }
  graph_builder& constant(const std::string& name, tensor data) {
    declare(name, data.type(), {data.dims().begin(), data.dims().end()});
    made_.constants.emplace(value(name), std::move(data));
    return *this;
  }
  graph_builder& ints(const std::string& name, const std::vector<std::int64_t>& values) {
    return constant(name, need(tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values)));
  }
  graph_builder& floats(const std::string& name, const shape& dims, const std::vector<float>& values) {
    return constant(name, need(tensor::from<float>(dims, values)));
  }
  graph_builder& step(const std::string& op, const std::vector<std::string>& operands,
                      const std::vector<std::string>& results,
                      std::map<std::string, attribute, std::less<>> attributes = {}) {
    node made{op, "", results.front() + "_node", 13, {}, {}, std::move(attributes)};
    for (const auto& name : operands) made.inputs.push_back(value(name));
    for (const auto& name : results) made.outputs.push_back(value(name));
    made_.nodes.push_back(std::move(made));
    return *this;
  }
  graph_builder& output(const std::string& name) {
    made_.outputs.push_back(value(name));
    return *this;
  }
  graph build() const {
    need(validate(made_));
    return made_;
  }

private:
  graph made_;
  std::map<std::string, value_id> ids_;
};

inline tensor ints_tensor(const std::vector<std::int64_t>& values) {
  return need(tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}
inline tensor floats_tensor(const shape& dims, const std::vector<float>& values) {
  return need(tensor::from<float>(dims, values));
}

namespace toy {

inline result<void> infer_same(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 2));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

inline result<void> copy(reference_context& context) {
  context.output(0) = context.input(0);
  return {};
}

inline result<void> relu(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(0));
  for (float& value : values) value = std::max(value, 0.0f);
  return context.set_output_floats(0, values);
}

inline result<void> infer_broadcast(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(const shape dims, broadcast(context.input_dims(0), context.input_dims(1)));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

/// Operands of one shape, or a second one of one element.
inline result<void> add(reference_context& context) {
  if (is_float(context.output(0).type())) {
    TROUPE_TRY(auto a, context.input_floats(0));
    TROUPE_TRY(const auto b, context.input_floats(1));
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[b.size() == 1 ? 0 : i];
    return context.set_output_floats(0, a);
  }
  TROUPE_TRY(auto a, context.input_ints(0));
  TROUPE_TRY(const auto b, context.input_ints(1));
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[b.size() == 1 ? 0 : i];
  TROUPE_TRY(context.output(0), tensor::from<std::int64_t>(context.output(0).dims(), a));
  return {};
}

inline result<void> infer_shape_of(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  context.set_output(0, dtype::i64, {static_cast<std::int64_t>(context.input_dims(0).rank())});
  return {};
}

inline result<void> shape_of(reference_context& context) {
  TROUPE_TRY(context.output(0),
             tensor::from<std::int64_t>(context.output(0).dims(), context.input(0).dims().extents()));
  return {};
}

inline result<void> infer_reshape(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(auto extents, context.input_ints(1, "the new shape"));
  std::int64_t known = 1;
  for (const auto extent : extents) known *= extent < 0 ? 1 : extent;
  for (auto& extent : extents)
    if (extent < 0) extent = known == 0 ? 0 : context.input_dims(0).elements() / known;
  TROUPE_TRY(const shape dims, shape::make(extents));
  if (dims.elements() != context.input_dims(0).elements())
    return error(errc::invalid_argument,
                 "cannot reshape " + context.input_dims(0).to_string() + " to " + dims.to_string());
  context.set_output(0, context.input_type(0), dims);
  return {};
}

inline result<void> reshape(reference_context& context) {
  TROUPE_TRY(context.output(0), context.input(0).reshaped(context.output(0).dims()));
  return {};
}

/// [n] ones and more: an operator whose output is much larger than its operand.
inline result<void> infer_fill(infer_context& context) {
  TROUPE_TRY(const auto extents, context.input_ints(0, "the shape to fill"));
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, dtype::f32, dims);
  return {};
}

inline result<void> fill(reference_context& context) {
  for (float& value : context.output(0).as_mutable<float>()) value = 1.0f;
  return {};
}

/// Relu, Identity, Add, Shape, Reshape, ConstantOfShape (of ones), as far as the tests need them.
inline operator_table operators() {
  operator_table table;
  table.add({.name = "Relu", .host_inputs = {}, .index_inputs = {}, .infer = infer_same, .reference = relu});
  table.add({.name = "Identity", .host_inputs = {}, .index_inputs = {}, .infer = infer_same, .reference = copy});
  table.add({.name = "Add", .host_inputs = {}, .index_inputs = {}, .infer = infer_broadcast, .reference = add});
  table.add({.name = "Shape",
             .host_inputs = {},
             .shape_only = true,
             .index_inputs = {},
             .infer = infer_shape_of,
             .reference = shape_of});
  table.add({.name = "Reshape", .host_inputs = {1}, .index_inputs = {}, .infer = infer_reshape, .reference = reshape});
  table.add(
      {.name = "ConstantOfShape", .host_inputs = {0}, .index_inputs = {}, .infer = infer_fill, .reference = fill});
  return table;
}

}  // namespace toy
}  // namespace troupe::test
