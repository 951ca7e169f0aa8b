#include "device/lowering/lowered_graph.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "device/lowering/check_dispatches.hpp"
#include "device/lowering/fuse_linear.hpp"
#include "device/lowering/layout_plan.hpp"
#include "device/lowering/schedule.hpp"
#include "device/lowering/storage_format.hpp"
#include "kernels/channel_blocks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

bool contains(const std::vector<std::size_t>& list, std::size_t item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

class lowerer {
public:
  lowerer(specialized_graph model, const operator_table& operators, const lowering_target& target)
      : operators_(operators), target_(target) {
    made_.model = std::move(model);
    made_.storage = target.storage;
    const std::size_t count = graph().values.size();
    made_.slots.resize(count);
    made_.on_host.resize(count, false);
    for (std::uint32_t id = 0; id < count; ++id) made_.slots[id].root = id;
    for (const value_id id : graph().states) made_.slots[id].home = slot_home::state;
  }

  result<lowered_graph> run() {
    fuse_linear(made_.model, [&](const node& step) {
      const operator_definition* definition = operators_.find(step);
      return definition && runs_on_device(step, *definition);
    });
    for (const value_id id : graph().inputs) made_.on_host[id] = true;
    for (const auto& [id, data] : graph().constants) made_.on_host[id] = true;
    TROUPE_TRY(const auto on_device, choose_sides());
    layouts_ = plan_layouts(made_.model, on_device, operators_, target_.traits, target_.storage);
    const auto steps = schedule(graph(), on_device);
    wanted_ = wanted_by_host(steps);
    for (const schedule_step& step : steps) TROUPE_CHECK(add_stage(step));
    add_downloads(steps);
    sort_constants();
    TROUPE_CHECK(check_bindings(made_, target_));
    return std::move(made_);
  }

private:
  const troupe::graph& graph() const { return made_.model.graph; }

  bool runs_on_device(const node& step, const operator_definition& definition) const {
    if (!definition.lower) return false;
    const auto fits = [&](value_id id) {
      const dtype type = graph().values[id].type;
      return (type == dtype::f16 || type == dtype::f32) && made_.model.dims[id].elements() > 0;
    };
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      const value_id id = step.inputs[i];
      if (id == no_value || contains(definition.host_inputs, i)) continue;
      const bool index = contains(definition.index_inputs, i) && made_.model.dims[id].elements() > 0 &&
                         storage_of(graph().values[id].type) == storage_kind::index32;
      const bool bytes = definition.byte_inputs_from && i >= *definition.byte_inputs_from &&
                         graph().values[id].type == dtype::u8 && graph().constants.count(id) > 0 &&
                         made_.model.dims[id].elements() > 0;
      if (!index && !bytes && !fits(id)) return false;
    }
    return std::all_of(step.outputs.begin(), step.outputs.end(),
                       [&](value_id id) { return id == no_value || fits(id); });
  }

  result<std::vector<bool>> choose_sides() const {
    std::vector<bool> on_device;
    for (const node& step : graph().nodes) {
      const operator_definition* definition = operators_.find(step);
      if (!definition) return fail(errc::unsupported, "there is no operator for {}", step.describe());
      on_device.push_back(runs_on_device(step, *definition));
      for (const value_id id : step.inputs)
        if (id != no_value && !on_device.back() && made_.slots[id].home == slot_home::state)
          return fail(errc::unsupported, "{} uses the state \"{}\", but cannot run on the device", step.describe(),
                      graph().values[id].name);
    }
    return on_device;
  }

  result<void> add_stage(const schedule_step& step) {
    made_.stages.emplace_back().host_nodes = step.host_nodes;
    for (const std::size_t i : step.host_nodes)
      for (const value_id id : graph().nodes[i].outputs)
        if (id != no_value) made_.on_host[id] = true;
    stage_start_ = position_++;
    for (const std::size_t i : step.device_nodes) {
      TROUPE_CHECK(add_device_node(i).while_doing("lowering " + graph().nodes[i].describe()));
      ++position_;
    }
    ++position_;  // downloads
    return {};
  }

  /// The memory of a value in one of its layouts. Blocks get a slot of their own when they are first asked for.
  std::uint32_t slot_of(value_id id, memory_layout layout) {
    const shape& dims = made_.model.dims[id];
    if (layout == memory_layout::plain || layouts_coincide(dims)) return id;
    const auto [found, first] = block_slots_.try_emplace(id, static_cast<std::uint32_t>(made_.slots.size()));
    if (first) made_.slots.push_back({.elements = stored_elements(layout, dims), .root = found->second});
    return found->second;
  }

  lowering_context::operand operand_of(value_id id, memory_layout layout) {
    if (id == no_value) return {};
    const auto known = graph().constants.find(id);
    const tensor* contents = known == graph().constants.end() ? nullptr : &known->second;
    return {true, made_.model.dims[id], graph().values[id].type, contents, slot_of(id, layout), layout};
  }

  result<void> add_device_node(std::size_t index) {
    const node& step = graph().nodes[index];
    const node_layouts& layouts = layouts_[index];
    const operator_definition& definition = *operators_.find(step);
    index_ = index;
    std::vector<lowering_context::operand> inputs, outputs;
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      if (step.inputs[i] != no_value && layouts.inputs[i] == memory_layout::blocks)
        TROUPE_CHECK(provide(step.inputs[i], memory_layout::blocks));
      else if (step.inputs[i] != no_value && !contains(definition.host_inputs, i))
        TROUPE_CHECK(provide(step.inputs[i], memory_layout::plain));
      inputs.push_back(operand_of(step.inputs[i], layouts.inputs[i]));
    }
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      outputs.push_back(operand_of(step.outputs[i], layouts.outputs[i]));
    choose_kinds(step, definition);
    const auto first_scratch = static_cast<std::uint32_t>(made_.slots.size());
    lowering_context context(step, target_.traits, target_.storage, std::move(inputs), std::move(outputs),
                             first_scratch);
    TROUPE_CHECK(definition.lower(context));

    for (const auto& pair : context.aliases()) TROUPE_CHECK(add_alias(step, context, pair));
    const auto prepared = prepared_memory(context.dispatches(), first_scratch);
    for (const auto& block : context.scratches()) add_scratch(block, prepared.count(block.slot) > 0);
    std::vector<bool> written(step.outputs.size(), false);
    const auto needless = place_inputs(context, written);
    for (std::size_t number = 0; number < context.dispatches().size(); ++number) {
      if (needless.count(number)) continue;
      const dispatch& work = context.dispatches()[number];
      TROUPE_CHECK(check_dispatch(work, target_));
      preparing_ = is_preparation(work, prepared);
      for (const dispatch_operand& operand : work.operands)
        TROUPE_CHECK(use(context, definition, operand, first_scratch, written));
      add_dispatch(work);
    }
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      const value_id id = step.outputs[i];
      if (id == no_value) continue;
      const std::uint32_t slot = context.write(i).slot;
      if (!written[i] && made_.slots[slot].root == slot) return fail(errc::internal, "no dispatch writes output {}", i);
      if (slot != id) lies_in_blocks_.insert(id);
      if (wanted_[id]) TROUPE_CHECK(provide(id, memory_layout::plain));
    }
    return {};
  }

  /// Operands and results that do not lie as their types say.
  void choose_kinds(const node& step, const operator_definition& definition) {
    for (std::size_t i = definition.byte_inputs_from.value_or(step.inputs.size()); i < step.inputs.size(); ++i)
      if (step.inputs[i] != no_value) kinds_[step.inputs[i]] = storage_kind::bytes;
    for (const std::size_t i : definition.float32_outputs)
      if (i < step.outputs.size() && step.outputs[i] != no_value) kinds_[step.outputs[i]] = storage_kind::float32;
  }

  storage_kind kind_of(value_id id) const {
    const auto chosen = kinds_.find(id);
    return chosen == kinds_.end() ? storage_of(graph().values[id].type) : chosen->second;
  }

  /// Lets inputs be made where the node would copy them to; the numbers of the copies that are not needed.
  std::set<std::size_t> place_inputs(const lowering_context& context, std::vector<bool>& written) {
    std::set<std::size_t> needless;
    for (const auto& wish : context.placements()) {
      const std::uint32_t part = context.read(wish.input).slot, whole = context.write(wish.output).slot;
      const memory_slot& slot = made_.slots[part];
      const auto element = size_of(element_type(storage_kind::activation, target_.storage));
      const std::uint64_t begin = static_cast<std::uint64_t>(wish.offset) * element;
      const bool free = slot.root == part && slot.home == slot_home::arena && parts_.count(part) == 0 &&
                        made_by_dispatch_.count(part) > 0 && begin % target_.alignment == 0;
      if (!free) continue;
      if (!written[wish.output]) {
        written[wish.output] = true;
        place(whole, position_);
        made_by_dispatch_.insert(whole);
      }
      move_into(part, whole, begin);
      needless.insert(wish.dispatch);
    }
    return needless;
  }

  /// `part`, and what is a part of it already, moves into `whole`, which is needed as long as any of them.
  void move_into(std::uint32_t part, std::uint32_t whole, std::uint64_t begin) {
    const std::uint32_t old = made_.slots[part].lifetime, now = made_.slots[whole].lifetime;
    for (memory_slot& slot : made_.slots) {
      if (slot.home != slot_home::arena || slot.lifetime != old) continue;
      slot.lifetime = now;
      slot.begin += begin;
    }
    lifetime& needed = made_.lifetimes[now];
    needed.first = std::min(needed.first, made_.lifetimes[old].first);
    needed.last = std::max(needed.last, made_.lifetimes[old].last);
    made_.lifetimes[old].bytes = 0;
    parts_.insert(part);
  }

  /// Makes sure that a value exists in this layout, by a conversion unless it does.
  result<void> provide(value_id id, memory_layout layout) {
    const bool from_blocks = layout == memory_layout::plain;
    const std::uint32_t target = slot_of(id, layout);
    if (from_blocks && lies_in_blocks_.count(id) == 0) return {};
    const std::uint32_t source = slot_of(id, from_blocks ? memory_layout::blocks : memory_layout::plain);
    if (source == target || made_.slots[target].home != slot_home::unused) return {};
    dispatch work = layout_conversion(made_.model.dims[id], layout, {source, false}, {target, true}, target_.traits);
    TROUPE_CHECK(check_dispatch(work, target_));
    preparing_ = graph().constants.count(made_.slots[source].root) > 0;
    TROUPE_CHECK(use_input(source));
    if (preparing_) {
      describe(target);
      made_.slots[target].home = slot_home::prepared;
    } else {
      place(target, position_);
    }
    add_dispatch(std::move(work));
    return {};
  }

  void add_dispatch(dispatch work) {
    work.node = index_;
    (preparing_ ? made_.preparations : made_.stages.back().dispatches).push_back(std::move(work));
  }

  static bool is_preparation(const dispatch& work, const std::set<std::uint32_t>& prepared) {
    return std::any_of(work.operands.begin(), work.operands.end(), [&](const dispatch_operand& operand) {
      return operand.written && prepared.count(operand.slot);
    });
  }

  /// Scratch memory that one dispatch writes, from constants and other such memory only.
  std::set<std::uint32_t> prepared_memory(const std::vector<dispatch>& dispatches, std::uint32_t first_scratch) const {
    std::map<std::uint32_t, std::size_t> writers;
    for (const dispatch& work : dispatches)
      for (const dispatch_operand& operand : work.operands) writers[operand.slot] += operand.written;
    std::set<std::uint32_t> prepared;
    for (const dispatch& work : dispatches) {
      const bool constant = std::all_of(work.operands.begin(), work.operands.end(), [&](const auto& operand) {
        const bool scratch = operand.slot >= first_scratch;
        if (operand.written) return scratch && writers[operand.slot] == 1;
        return scratch ? prepared.count(operand.slot) > 0 : graph().constants.count(made_.slots[operand.slot].root) > 0;
      });
      if (!constant) continue;
      for (const dispatch_operand& operand : work.operands)
        if (operand.written) prepared.insert(operand.slot);
    }
    return prepared;
  }

  void add_scratch(const lowering_context::scratch_block& block, bool prepared) {
    const auto slot = static_cast<std::uint32_t>(made_.slots.size());
    made_.slots.push_back({.kind = block.kind, .elements = block.elements, .root = slot});
    if (!prepared) return place(slot, position_);
    describe(slot);
    made_.slots[slot].home = slot_home::prepared;
  }

  result<void> add_alias(const node& step, const lowering_context& context, const lowering_context::alias_pair& pair) {
    const value_id in = step.inputs.at(pair.input);
    const value_id out = step.outputs.at(pair.output);
    if (made_.slots[made_.slots[context.read(pair.input).slot].root].home == slot_home::state)
      return fail(errc::unsupported, "{} makes a view of the state \"{}\", which runs change in place", step.describe(),
                  graph().values[in].name);
    if (made_.model.dims[in].elements() != made_.model.dims[out].elements() ||
        context.input_layout(pair.input) != context.output_layout(pair.output))
      return fail(errc::internal, "output {} is a view of input {} with another number of elements", pair.output,
                  pair.input);
    if (kind_of(in) != kind_of(out))
      return fail(errc::internal, "output {} is a view of input {}, which lies in memory in another form", pair.output,
                  pair.input);
    made_.slots[context.write(pair.output).slot].root = made_.slots[context.read(pair.input).slot].root;
    if (context.write(pair.output).slot == out) made_.on_host[out] = made_.on_host[in];  // the host makes its own view
    return {};
  }

  /// Marks what one operand of a dispatch needs, and learns which outputs get written.
  result<void> use(const lowering_context& context, const operator_definition& definition,
                   const dispatch_operand& operand, std::uint32_t first_scratch, std::vector<bool>& written) {
    // Aliases and scratch memory are known by now, so that any other slot is a mistake of the operator's.
    if (operand.slot >= made_.slots.size())
      return fail(errc::internal, "a dispatch names memory {}, which does not exist", operand.slot);
    if (operand.slot >= first_scratch) return {};
    for (std::size_t i = 0; i < context.step().outputs.size(); ++i) {
      if (context.step().outputs[i] == no_value || context.write(i).slot != operand.slot ||
          made_.slots[operand.slot].root != operand.slot)
        continue;
      if (!operand.written && !written[i])
        return fail(errc::internal, "a dispatch reads output {} before one writes it", i);
      if (!written[i]) {
        written[i] = true;
        place(operand.slot, position_);
        made_by_dispatch_.insert(operand.slot);
      }
      return {};
    }
    for (std::size_t i = 0; i < context.input_count(); ++i)
      if (context.has_input(i) && context.read(i).slot == operand.slot && !contains(definition.host_inputs, i) &&
          (!operand.written || contains(definition.state_inputs, i)))
        return use_input(operand.slot);
    return fail(errc::internal, "a dispatch {} memory {}, which is not its to touch",
                operand.written ? "writes" : "reads", operand.slot);
  }

  result<void> use_input(std::uint32_t read) {
    const std::uint32_t root = made_.slots[read].root;
    memory_slot& slot = made_.slots[root];
    if (graph().constants.count(root)) {
      describe(root);
      slot.home = slot_home::constant;
      auto [reader, first] = read_by_run_.try_emplace(root, false);
      reader->second |= !preparing_;
      return {};
    }
    if (slot.home == slot_home::prepared) return {};
    if (slot.home == slot_home::state) {
      describe(root);
      states_.insert(root);
      return {};
    }
    if (slot.kind == storage_kind::float32)
      return fail(errc::internal, "\"{}\" is fp32 for the caller; no node on the device can read it",
                  graph().values[root].name);
    if (slot.home == slot_home::unused) {
      made_.stages.back().uploads.push_back(root);
      place(root, stage_start_);
    }
    keep_until(root, position_);
    return {};
  }

  void sort_constants() {
    for (const auto& [id, by_run] : read_by_run_)
      (by_run ? made_.device_constants : made_.preparation_constants).push_back(id);
    made_.device_states.assign(states_.begin(), states_.end());
  }

  void describe(std::uint32_t slot) {
    memory_slot& memory = made_.slots[slot];
    if (slot < graph().values.size()) {
      memory.kind = kind_of(slot);
      memory.elements = made_.model.dims[slot].elements();
    }
    memory.bytes = static_cast<std::uint64_t>(memory.elements) * size_of(element_type(memory.kind, target_.storage));
  }

  void place(std::uint32_t slot, std::uint32_t from) {
    describe(slot);
    memory_slot& memory = made_.slots[slot];
    memory.home = slot_home::arena;
    memory.lifetime = static_cast<std::uint32_t>(made_.lifetimes.size());
    made_.lifetimes.push_back({memory.bytes, from, from});
  }

  void keep_until(std::uint32_t slot, std::uint32_t position) {
    lifetime& needed = made_.lifetimes[made_.slots[slot].lifetime];
    needed.last = std::max(needed.last, position);
  }

  /// What host nodes and the caller need.
  std::vector<bool> wanted_by_host(const std::vector<schedule_step>& steps) const {
    std::vector<bool> wanted(graph().values.size(), false);
    for (const value_id id : graph().outputs) wanted[id] = true;
    for (const schedule_step& step : steps)
      for (const std::size_t i : step.host_nodes)
        for (const value_id id : graph().nodes[i].inputs)
          if (id != no_value) wanted[id] = true;
    return wanted;
  }

  /// What the device makes and the host needs, fetched at the end of the stage that makes it.
  void add_downloads(const std::vector<schedule_step>& steps) {
    std::uint32_t position = 0;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      position += static_cast<std::uint32_t>(steps[s].device_nodes.size()) + 1;
      for (const std::size_t i : steps[s].device_nodes)
        for (const value_id id : graph().nodes[i].outputs) {
          if (id == no_value || !wanted_[id] || made_.on_host[id]) continue;
          made_.stages[s].downloads.push_back(id);
          keep_until(made_.slots[id].root, position);
        }
      ++position;
    }
    for (const stage& part : made_.stages)
      for (const value_id id : part.downloads) made_.on_host[id] = true;
  }

  const operator_table& operators_;
  const lowering_target& target_;
  lowered_graph made_;
  std::vector<node_layouts> layouts_;  ///< by node
  std::map<value_id, std::uint32_t> block_slots_;
  std::map<value_id, storage_kind> kinds_;    ///< of values that do not lie as their types say
  std::set<value_id> states_;                 ///< that a dispatch uses
  std::set<value_id> lies_in_blocks_;         ///< made so; a plain copy, if there is one, came later
  std::set<std::uint32_t> made_by_dispatch_;  ///< slots that outputs of nodes have for themselves
  std::set<std::uint32_t> parts_;             ///< slots that lie within others
  std::vector<bool> wanted_;                  ///< by value: the host needs it
  std::map<value_id, bool> read_by_run_;      ///< constants on the device; true: not by preparations alone
  bool preparing_ = false;
  std::size_t index_ = 0;  ///< of the node that is being lowered
  std::uint32_t position_ = 0;
  std::uint32_t stage_start_ = 0;
};

}  // namespace

operand_bytes binding_of(const lowered_graph& work, const dispatch_operand& operand) {
  const memory_slot& slot = work.slots[work.slots[operand.slot].root];
  const std::uint64_t element = size_of(element_type(slot.kind, work.storage));
  const auto begin = static_cast<std::uint64_t>(operand.part_begin) * element;
  if (operand.part_elements == 0) return {begin, slot.bytes - begin};
  return {begin, static_cast<std::uint64_t>(operand.part_elements) * element};
}

std::size_t lowered_graph::host_node_count() const noexcept {
  std::size_t count = 0;
  for (const stage& part : stages) count += part.host_nodes.size();
  return count;
}

std::size_t lowered_graph::dispatch_count() const noexcept {
  std::size_t count = 0;
  for (const stage& part : stages) count += part.dispatches.size();
  return count;
}

result<lowered_graph> lower(specialized_graph model, const operator_table& operators, const lowering_target& target) {
  return lowerer(std::move(model), operators, target).run();
}

}  // namespace troupe
