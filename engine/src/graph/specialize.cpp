#include "troupe/engine/specialize.hpp"

#include <algorithm>
#include <memory>

#include "device/waiting.hpp"
#include "graph/expansion.hpp"
#include "graph/inference.hpp"
#include "graph/value_namer.hpp"
#include "graph/write_out.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// What is known about one value while the nodes are visited in order.
struct value_facts {
  bool known = false;
  dtype type = dtype::f32;
  shape dims;
  const tensor* contents = nullptr;  ///< points into `specializer::held_`
  bool from_input = false;           ///< the contents depend on a graph input's contents
  bool from_shape = false;           ///< the contents depend on the shape of a value that is known at run time only
};

/// A tensor that has a type and a shape, but contents nobody may read: what a `shape_only` operator is shown.
result<tensor> shape_stand_in(dtype type, const shape& dims) {
  alignas(64) static const std::byte nothing[64]{};
  const std::size_t byte_count = static_cast<std::size_t>(dims.elements()) * size_of(type);
  return tensor::from_shared(type, dims, std::shared_ptr<const std::byte>(std::shared_ptr<void>(), nothing),
                             byte_count);
}

class specializer final : public expansion {
public:
  specializer(const graph& given, const operator_table& table, time_point deadline, const cancellation& cancel)
      : operators_(table),
        deadline_(deadline),
        cancel_(cancel),
        made_{given, {}, {}},
        facts_(given.values.size()),
        needed_on_host_(values_needed_on_host(given, table)) {}

  result<specialized_graph> run(std::span<const tensor> inputs) {
    TROUPE_CHECK(visit_all(inputs));
    TROUPE_CHECK(settle_types());
    drop_dead();
    return std::move(made_);
  }

  result<graph> write_out(std::span<const tensor> inputs) {
    graph plain = model();
    written_out_.emplace();
    TROUPE_CHECK(visit_all(inputs));
    for (value_id id = static_cast<value_id>(plain.values.size()); id < model().values.size(); ++id)
      plain.values.push_back(model().values[id]);
    plain.nodes = std::move(*written_out_);
    for (const value_id id : added_constants_) plain.constants.emplace(id, *facts_[id].contents);
    return plain;
  }

  const operator_table& operators() const override { return operators_; }
  bool needed_on_host(value_id id) const override { return needed_on_host_[id]; }
  const tensor* contents(value_id id) const override { return facts_[id].contents; }
  const value_list* list_at(value_id id) const override {
    const auto found = lists_.find(id);
    return found == lists_.end() ? nullptr : &found->second;
  }

  result<infer_context::operand> tensor_at(value_id id) const override {
    if (!facts_[id].known)
      return fail(errc::invalid_argument, "\"{}\" is a sequence or an optional where a tensor is needed",
                  made_.graph.values[id].name);
    return infer_context::operand{true, facts_[id].type, facts_[id].dims, facts_[id].contents};
  }

  result<void> set_list(value_id id, value_list list) override {
    list_entries_ += list.items.size() + 1;
    if (list_entries_ > limits::sequence_entries_max)
      return fail(errc::unsupported, "the sequences of the graph have more than {} entries",
                  limits::sequence_entries_max);
    lists_.insert_or_assign(id, std::move(list));
    return {};
  }

  value_id add_value(const std::string& base, bool needed) override {
    const value_id id = model().add_value({namer_.fresh(model(), base), dtype::f32, false, std::nullopt});
    note_value(needed);
    return id;
  }

  value_id add_constant(const std::string& base, tensor data) override {
    const value_id id = model().add_constant(namer_.fresh(model(), base), data);
    note_value(false);
    // It may depend on the shapes of what is given: a kernel that reads it runs, in the whole graph as in a part of it.
    facts_[id] = {true, data.type(), data.dims(), hold(data), false, true};
    added_constants_.push_back(id);
    return id;
  }

  value_id add_stand_in(const std::string& base, dtype type, const shape& dims) override {
    const value_id id = add_value(base, false);
    facts_[id] = {true, type, dims, nullptr, false, false};
    return id;
  }

  result<void> charge(const node& step, std::size_t nodes) override {
    expanded_nodes_ += std::min(nodes, limits::expanded_nodes_max + 1);
    if (expanded_nodes_ <= limits::expanded_nodes_max) return {};
    return fail(errc::unsupported,
                "the iterations of {} and of other nodes with bodies come to more than {} nodes when they are written "
                "out; give the model shorter sequences or fewer iterations",
                step.describe(), limits::expanded_nodes_max);
  }

  result<void> rehearse(const std::function<result<void>()>& work) override {
    const std::size_t kept = kept_.size(), written = written_out_ ? written_out_->size() : 0;
    TROUPE_CHECK(work());
    kept_.resize(kept);
    if (written_out_) written_out_->resize(written);
    return {};
  }

  result<void> add(node step) override {
    TROUPE_CHECK(still_wanted(deadline_, cancel_));
    const operator_definition* definition = operators_.find(step);
    if (!definition) return fail(errc::unsupported, "there is no operator {}", step.op);
    if (definition->expand)
      return definition->expand(*this, step).while_doing(fmt::format("writing out {}", step.describe()));
    for (const value_id id : step.inputs)
      if (id != no_value)
        TROUPE_CHECK(tensor_at(id).while_doing(fmt::format("reading what {} takes", step.describe())));
    if (written_out_) written_out_->push_back(step);
    TROUPE_TRY(const bool folded, visit(step, *definition));
    if (!folded) kept_.push_back(std::move(step));
    return {};
  }

private:
  graph& model() { return made_.graph; }

  const tensor* hold(tensor data) { return held_.emplace_back(std::make_unique<tensor>(std::move(data))).get(); }

  result<void> visit_all(std::span<const tensor> inputs) {
    for (const auto& [id, data] : model().constants)
      facts_[id] = {true, data.type(), data.dims(), hold(data), false, false};
    for (const value_id id : model().states) {
      TROUPE_TRY(const shape dims, state_dims(model().values[id]));
      facts_[id] = {true, model().values[id].type, dims, nullptr, true, false};
    }
    TROUPE_CHECK(take_inputs(inputs));
    const std::vector<bool> live = live_nodes(model());
    std::vector<node> nodes = std::move(model().nodes);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!live[i]) continue;
      owner_ =
          *std::find_if(nodes[i].outputs.begin(), nodes[i].outputs.end(), [](value_id id) { return id != no_value; });
      TROUPE_CHECK(add(std::move(nodes[i])));
    }
    model().nodes = std::move(kept_);
    for (const value_id id : model().outputs) TROUPE_CHECK(tensor_at(id).while_doing("reading what the graph gives"));
    return {};
  }

  /// After a value was added to the graph.
  void note_value(bool needed) {
    facts_.emplace_back();
    needed_on_host_.push_back(needed);
    made_.made_for.push_back(owner_);
  }

  result<void> take_inputs(std::span<const tensor> inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const value_id id = model().inputs[i];
      const value_info& declared = model().values[id];
      const dtype type = declared.type_known ? declared.type : inputs[i].type();
      facts_[id] = {true, type, inputs[i].dims(), nullptr, true, false};
      if (!needed_on_host_[id]) continue;
      TROUPE_TRY(tensor contents, convert(inputs[i], type));
      facts_[id].contents = hold(std::move(contents));
    }
    return {};
  }

  std::vector<infer_context::operand> operands_of(const node& step) const {
    std::vector<infer_context::operand> operands(step.inputs.size());
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (step.inputs[i] == no_value) continue;
      const value_facts& facts = facts_[step.inputs[i]];
      operands[i] = {true, facts.type, facts.dims, facts.contents};
    }
    return operands;
  }

  /// Learns what `step` makes; true when its outputs are known now and the node is not needed any more.
  result<bool> visit(node& step, const operator_definition& definition) {
    TROUPE_TRY(const auto outputs, infer_outputs(step, definition, operands_of(step)));
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      if (step.outputs[i] != no_value)
        facts_[step.outputs[i]] = {true, outputs[i].type, outputs[i].dims, nullptr, false, false};
    for (const std::size_t i : definition.state_inputs)
      if (i < step.inputs.size() && step.inputs[i] != no_value && !model().is_state(step.inputs[i]))
        return fail(errc::invalid_argument, "{} changes \"{}\", which must be a state of the graph", step.describe(),
                    model().values[step.inputs[i]].name);
    const std::size_t largest = largest_output_bytes(outputs);
    if (can_fold(step, definition, largest)) return fold(step, definition);
    return read_host_operands(step, definition);
  }

  /// On what the outputs depend besides constants of the model; meaningful when the contents of all operands are known
  /// or need not be.
  struct origin {
    bool from_input = false, from_shape = false;
  };
  origin origin_of(const node& step, const operator_definition& definition) const {
    origin made;
    for (const value_id id : step.inputs) {
      if (id == no_value) continue;
      const value_facts& facts = facts_[id];
      made.from_shape |= facts.from_shape || (definition.shape_only && (facts.from_input || !facts.contents));
      made.from_input |= facts.from_input && !definition.shape_only;
    }
    return made;
  }

  bool can_fold(const node& step, const operator_definition& definition, std::size_t largest) const {
    if (!definition.reference) return false;
    for (const value_id id : step.inputs)
      if (id != no_value && !facts_[id].contents && !definition.shape_only) return false;
    const bool needed = std::any_of(step.outputs.begin(), step.outputs.end(),
                                    [&](value_id id) { return id != no_value && needed_on_host_[id]; });
    if (needed) return true;
    const origin from = origin_of(step, definition);
    // What only depends on a caller's data is the run's work: folding it would repeat it at every call.
    if (from.from_input) return false;
    // A kernel rounds otherwise than the host. Behind a cut of the graph the shape would be a run-time value and the
    // kernel would run; it has to run in the whole graph as well, for the bits to be the same.
    if (from.from_shape && has_kernel(step, definition, [&](value_id id) { return facts_[id].type; })) return false;
    return largest <= limits::folded_bytes_max &&
           folded_bytes_ + largest * step.outputs.size() <= limits::folded_bytes_total_max;
  }

  result<bool> fold(const node& step, const operator_definition& definition) {
    for (const value_id id : step.outputs) {
      if (id == no_value) continue;
      folded_bytes_ += static_cast<std::size_t>(facts_[id].dims.elements()) * size_of(facts_[id].type);
      if (folded_bytes_ > limits::folded_bytes_total_max)
        return fail(errc::unsupported, "{} makes {} bytes that must be known before the run; at most {} are allowed",
                    step.describe(), folded_bytes_, limits::folded_bytes_total_max);
    }
    std::vector<tensor> stand_ins(step.inputs.size());
    std::vector<const tensor*> operands(step.inputs.size(), nullptr);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (step.inputs[i] == no_value) continue;
      const value_facts& facts = facts_[step.inputs[i]];
      operands[i] = facts.contents;
      if (facts.contents) continue;
      TROUPE_TRY(stand_ins[i], shape_stand_in(facts.type, facts.dims));
      operands[i] = &stand_ins[i];
    }
    TROUPE_TRY(auto outputs, run_reference(step, definition, operands));
    const origin from = origin_of(step, definition);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const value_id id = step.outputs[i];
      if (id == no_value) continue;
      facts_[id].from_input = from.from_input;
      facts_[id].from_shape = from.from_shape;
      facts_[id].contents = hold(outputs[i]);
      model().constants.insert_or_assign(id, std::move(outputs[i]));
    }
    return true;
  }

  /// Lets `step` read the contents of inputs of the model that decide its shape as constants. Always false.
  result<bool> read_host_operands(node& step, const operator_definition& definition) {
    for (const std::size_t operand : definition.host_inputs) {
      if (operand >= step.inputs.size() || step.inputs[operand] == no_value) continue;
      value_id& id = step.inputs[operand];
      if (!facts_[id].contents || model().constants.count(id)) continue;
      const value_id constant =
          model().add_constant(namer_.fresh(model(), model().values[id].name), *facts_[id].contents);
      note_value(true);
      facts_[constant] = facts_[id];
      id = constant;
    }
    return false;
  }

  result<void> settle_types() {
    std::vector<bool> is_output(facts_.size(), false);
    for (const value_id id : model().outputs) is_output[id] = true;
    for (value_id id = 0; id < facts_.size(); ++id) {
      if (!facts_[id].known) continue;
      value_info& value = model().values[id];
      const dtype inferred = facts_[id].type;
      const bool keeps_declared = is_output[id] && value.type_known && is_float(value.type) && is_float(inferred);
      if (is_output[id] && value.type_known && value.type != inferred && !keeps_declared)
        return fail(errc::invalid_argument, "the output \"{}\" is declared {}, but {} is computed", value.name,
                    value.describe(), to_string(inferred));
      if (!keeps_declared) value.type = inferred;
      value.type_known = true;
      value.dims.emplace();
      for (const auto extent : facts_[id].dims) value.dims->push_back({extent, {}});
    }
    made_.dims.reserve(facts_.size());
    for (const value_facts& facts : facts_) made_.dims.push_back(facts.dims);
    return {};
  }

  /// Nodes whose outputs only folded nodes used, and constants that nobody reads.
  void drop_dead() {
    const std::vector<bool> live = live_nodes(model());
    std::vector<bool> used(model().values.size(), false);
    for (const value_id id : model().outputs) used[id] = true;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < model().nodes.size(); ++i) {
      if (!live[i]) continue;
      for (const value_id id : model().nodes[i].inputs)
        if (id != no_value) used[id] = true;
      if (kept != i) model().nodes[kept] = std::move(model().nodes[i]);
      ++kept;
    }
    model().nodes.resize(kept);
    std::erase_if(model().constants, [&](const auto& constant) { return !used[constant.first]; });
  }

  const operator_table& operators_;
  time_point deadline_;
  const cancellation& cancel_;
  specialized_graph made_;
  std::vector<value_facts> facts_;
  std::vector<bool> needed_on_host_;
  std::vector<std::unique_ptr<tensor>> held_;
  value_namer namer_;
  std::size_t folded_bytes_ = 0;
  std::vector<node> kept_;
  std::map<value_id, value_list> lists_;
  std::size_t list_entries_ = 0;
  std::size_t expanded_nodes_ = 0;
  value_id owner_ = no_value;                     ///< see `specialized_graph::made_for`
  std::vector<value_id> added_constants_;         ///< by nodes that were written out
  std::optional<std::vector<node>> written_out_;  ///< every node that was added, when that is asked for
};

}  // namespace

result<specialized_graph> specialize(const graph& model, const operator_table& operators,
                                     std::span<const tensor> inputs, time_point deadline, const cancellation& cancel) {
  TROUPE_CHECK(check_operators(model, operators));
  TROUPE_CHECK(check_inputs(model, inputs));
  return specializer(model, operators, deadline, cancel).run(inputs);
}

result<graph> write_out(const graph& model, const operator_table& operators, std::span<const tensor> inputs,
                        time_point deadline) {
  TROUPE_CHECK(check_operators(model, operators));
  TROUPE_CHECK(check_inputs(model, inputs));
  return specializer(model, operators, deadline, {}).write_out(inputs);
}

}  // namespace troupe
