#include "graph/partition/tensor/slice_builder.hpp"

#include <utility>

#include "device/example_inputs.hpp"
#include "troupe/engine/specialize.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {

slice_facts::shapes slice_facts::shapes_with(const graph& model, const operator_table& operators,
                                             std::int64_t unknown) {
  shapes made{std::vector<std::optional<shape>>(model.values.size())};
  for (const auto& [id, data] : model.constants) made.dims[id] = data.dims();
  const auto example = make_example_inputs(model, unknown);
  if (!example || !host_inputs(model, operators).empty()) return made;
  const auto known = specialize(model, operators, example->tensors);
  if (!known) return made;
  for (value_id id = 0; id < model.values.size(); ++id) {
    if (const auto folded = known->graph.constants.find(id); folded != known->graph.constants.end())
      made.dims[id] = folded->second.dims();
    else if (known->graph.values[id].type_known)
      made.dims[id] = known->dims[id];
  }
  return made;
}

slice_facts::slice_facts(const graph& model, const operator_table& operators)
    : first_(shapes_with(model, operators, 2)),
      second_(shapes_with(model, operators, 3)),
      readers_(model.values.size()) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    for (const value_id id : model.nodes[i].inputs)
      if (id != no_value) readers_[id].push_back(i);
}

std::optional<std::size_t> slice_facts::rank(value_id id) const {
  if (id == no_value || !first_.dims[id] || !second_.dims[id] || first_.dims[id]->rank() != second_.dims[id]->rank())
    return std::nullopt;
  return first_.dims[id]->rank();
}

std::optional<std::int64_t> slice_facts::extent(value_id id, std::size_t axis) const {
  const auto axes = rank(id);
  if (!axes || axis >= *axes || (*first_.dims[id])[axis] != (*second_.dims[id])[axis]) return std::nullopt;
  return (*first_.dims[id])[axis];
}

std::optional<moved_axis> slice_facts::reshaped(value_id from, value_id to, std::size_t axis) const {
  if (!extent(from, axis) || *extent(from, axis) == 0 || !rank(to)) return std::nullopt;
  const auto one = axis_after_reshape(*first_.dims[from], *first_.dims[to], axis);
  const auto other = axis_after_reshape(*second_.dims[from], *second_.dims[to], axis);
  return one == other ? one : std::nullopt;
}

slice_builder::slice_builder(const graph& model, const slice_facts& facts, std::span<const double> shares,
                             std::size_t slice)
    : model_(model), facts_(facts), shares_(shares), slice_(slice), values_(model.values.size()) {
  for (const value_id id : model.inputs) {
    values_[id].local = values_[id].whole = made_.add_value(model.values[id]);
    made_.inputs.push_back(values_[id].whole);
  }
}

const tensor* slice_builder::constant(value_id id) const {
  const auto found = model_.constants.find(id);
  return found == model_.constants.end() ? nullptr : &found->second;
}

const axis_cut* slice_builder::cut_of(value_id id) const {
  return id != no_value && values_[id].cut ? &*values_[id].cut : nullptr;
}

value_id slice_builder::fresh(value_id like) {
  return made_.add_value({namer_.fresh(model_, model_.values[like].name), dtype::f32, false, std::nullopt});
}

value_id slice_builder::keep(result<tensor> data, value_id like) {
  if (data) return constant_of(namer_.fresh(model_, model_.values[like].name), std::move(data).value());
  if (!failed_) failed_ = std::move(data).error();
  return no_value;
}

value_id slice_builder::constant_of(const std::string& name, tensor data) {
  return made_.add_constant(namer_.fresh(model_, name), std::move(data));
}

value_id slice_builder::exchange(value_id partial, value_id like, const axis_cut* cut) {
  node step;
  step.op = exchange_op;
  step.domain = own_domain;
  step.version = 1;
  step.name = model_.values[like].name;
  step.inputs = {partial};
  step.outputs = {fresh(like)};
  step.attributes["slice"] = static_cast<std::int64_t>(slice_);
  step.attributes["slices"] = static_cast<std::int64_t>(shares_.size());
  if (cut) {
    std::vector<std::int64_t> extents;
    for (std::size_t k = 0; k < shares_.size(); ++k) extents.push_back(cut->extent(k));
    step.attributes["axis"] = static_cast<std::int64_t>(cut->axis);
    step.attributes["extents"] = std::move(extents);
  }
  made_.nodes.push_back(std::move(step));
  ++exchanges_;
  return made_.nodes.back().outputs[0];
}

value_id slice_builder::whole(value_id id) {
  if (id == no_value) return no_value;
  placed_value& placed = values_[id];
  if (placed.whole != no_value) return placed.whole;
  if (const tensor* data = constant(id)) {
    placed.whole = made_.add_value(model_.values[id]);
    made_.constants.emplace(placed.whole, *data);
  } else {
    placed.whole = exchange(placed.local, id, placed.cut ? &*placed.cut : nullptr);
  }
  return placed.whole;
}

value_id slice_builder::piece(value_id id, const axis_cut& cut) {
  if (id == no_value) return no_value;
  if (values_[id].cut == cut) return values_[id].local;
  for (const auto& [present, made] : values_[id].pieces)
    if (present == cut) return made;
  const std::int64_t begin = cut.begin(slice_), count = cut.extent(slice_);
  value_id made = no_value;
  if (const tensor* data = constant(id)) {
    made = keep(slice_of(*data, cut.axis, begin, count), id);
  } else {
    const auto list = [&](std::int64_t value) {
      const std::int64_t values[] = {value};
      return keep(tensor::from<std::int64_t>({1}, values), id);
    };
    node step;
    step.op = "Slice";
    step.version = 13;
    step.name = model_.values[id].name;
    step.inputs = {whole(id), list(begin), list(begin + count), list(static_cast<std::int64_t>(cut.axis))};
    step.outputs = {fresh(id)};
    made = step.outputs[0];
    made_.nodes.push_back(std::move(step));
  }
  values_[id].pieces.emplace_back(cut, made);
  return made;
}

void slice_builder::add(node step, const std::vector<std::optional<axis_cut>>& cuts) {
  for (std::size_t i = 0; i < step.outputs.size(); ++i) {
    const value_id id = step.outputs[i];
    if (id == no_value) continue;
    values_[id].cut = cuts[i];
    values_[id].local = cuts[i] ? fresh(id) : made_.add_value(model_.values[id]);
    if (!cuts[i]) values_[id].whole = values_[id].local;
    step.outputs[i] = values_[id].local;
  }
  made_.nodes.push_back(std::move(step));
}

void slice_builder::add_summand(node step) {
  const value_id id = step.outputs[0];
  step.outputs[0] = fresh(id);
  const value_id partial = step.outputs[0];
  made_.nodes.push_back(std::move(step));
  values_[id].local = values_[id].whole = exchange(partial, id, nullptr);
}

graph slice_builder::finish(std::string name) {
  for (const value_id id : model_.outputs) {
    const value_id given = whole(id);
    value_info& info = made_.values[given];
    info.type = model_.values[id].type;
    info.type_known = model_.values[id].type_known;
    made_.outputs.push_back(given);
  }
  made_.name = std::move(name);
  made_.metadata = model_.metadata;
  return std::move(made_);
}

}  // namespace troupe
