#include <algorithm>

#include "graph/partition/part_graph.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {
namespace {

bool is_exchange(const node& step) {
  return step.domain == own_domain && step.op == exchange_op;
}

/// Slice and number of slices, and that the attributes fit together.
result<value_exchange> read_exchange(const node& step, std::size_t slice, std::size_t slices) {
  const auto wrong = [&](std::string_view what) {
    return fail(errc::invalid_argument, "{} of a slice is damaged: {}", step.describe(), what);
  };
  if (step.inputs.size() != 1 || step.outputs.size() != 1 || step.inputs[0] == no_value || step.outputs[0] == no_value)
    return wrong("it has not one operand and one result");
  if (step.int_or("slice", -1) != static_cast<std::int64_t>(slice) ||
      step.int_or("slices", -1) != static_cast<std::int64_t>(slices))
    return wrong("it is made for another slice");
  value_exchange made{step.inputs[0], step.outputs[0], {}, {}};
  if (!step.has("axis")) return made;
  const std::int64_t axis = step.int_or("axis", -1);
  const auto* extents = step.ints("extents");
  if (axis < 0 || axis >= static_cast<std::int64_t>(limits::rank_max) || !extents || extents->size() != slices ||
      std::any_of(extents->begin(), extents->end(), [](std::int64_t extent) { return extent < 1; }))
    return wrong("its axis or extents are not possible");
  made.axis = static_cast<std::size_t>(axis);
  made.extents = *extents;
  return made;
}

class slice_reader {
public:
  slice_reader(const graph& model, const operator_table& operators, dtype storage)
      : model_(model),
        operators_(operators),
        storage_(storage),
        facts_(predict(model, operators)),
        maker_(model.values.size(), nullptr),
        level_(model.values.size(), 0),
        needed_(model.values.size(), false),
        exchanged_(model.values.size(), false) {}

  result<slice_program> read(std::size_t slice, std::size_t slices) {
    made_.slice = slice;
    made_.slices = slices;
    made_.inputs = model_.inputs;
    TROUPE_CHECK(find_levels());
    find_needed();
    if (slice == 0) {
      made_.outputs = model_.outputs;
      for (const value_id id : model_.outputs) {
        made_.output_types.push_back(declared_type(id));
        if (const auto known = model_.constants.find(id); known != model_.constants.end())
          made_.known_outputs.insert(*known);
      }
    }
    for (std::size_t i = 0; i < exchanges_.size(); ++i) TROUPE_CHECK(make_segment(i, &exchanges_[i]));
    TROUPE_CHECK(make_segment(exchanges_.size(), nullptr));
    find_last_uses();
    return std::move(made_);
  }

private:
  /// Level of a value: the exchanges, one after the other, that it waits for.
  result<void> find_levels() {
    for (const node& step : model_.nodes) {
      std::size_t level = 0;
      for (const value_id id : step.inputs)
        if (id != no_value) level = std::max(level, level_[id]);
      node_levels_.push_back(level);
      if (is_exchange(step)) {
        TROUPE_TRY(value_exchange what, read_exchange(step, made_.slice, made_.slices));
        if (!maker_[what.partial] || is_exchange(*maker_[what.partial]))
          return fail(errc::invalid_argument, "{} of a slice exchanges what no operator makes", step.describe());
        if (exchanged_[what.partial])
          return fail(errc::invalid_argument, "{} of a slice exchanges a value a second time", step.describe());
        exchanged_[what.partial] = true;
        if (exchanges_.size() <= level) exchanges_.resize(level + 1);
        exchanges_[level].push_back(std::move(what));
        ++level;
      }
      for (const value_id id : step.outputs)
        if (id != no_value) {
          level_[id] = level;
          maker_[id] = &step;
        }
    }
    return {};
  }

  /// What is exchanged or given by this slice, and what that needs.
  void find_needed() {
    if (made_.slice == 0)
      for (const value_id id : model_.outputs) needed_[id] = true;
    for (auto step = model_.nodes.rbegin(); step != model_.nodes.rend(); ++step)
      if (is_exchange(*step) || std::any_of(step->outputs.begin(), step->outputs.end(),
                                            [&](value_id id) { return id != no_value && needed_[id]; }))
        for (const value_id id : step->inputs)
          if (id != no_value) needed_[id] = true;
  }

  std::optional<dtype> declared_type(value_id id) const {
    const value_info& info = model_.values[id];
    return info.type_known && is_float(info.type) ? std::optional(info.type) : facts_.types[id];
  }

  result<void> make_segment(std::size_t level, const std::vector<value_exchange>* exchanges) {
    slice_segment segment;
    if (exchanges) segment.exchanges = *exchanges;
    std::vector<const node*> steps;
    std::vector<bool> made_here(model_.values.size(), false), read(model_.values.size(), false);
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) {
      const node& step = model_.nodes[i];
      const bool wanted = std::any_of(step.outputs.begin(), step.outputs.end(),
                                      [&](value_id id) { return id != no_value && needed_[id]; });
      if (node_levels_[i] != level || is_exchange(step) || !wanted) continue;
      steps.push_back(&step);
      for (const value_id id : step.outputs)
        if (id != no_value) made_here[id] = true;
      for (const value_id id : step.inputs)
        if (id != no_value) read[id] = true;
    }
    std::vector<bool> leaves(model_.values.size(), false);
    for (const value_exchange& each : segment.exchanges) leaves[each.partial] = true;
    for (std::size_t i = 0; i < model_.nodes.size(); ++i)
      for (const value_id id : model_.nodes[i].inputs)
        if (id != no_value && node_levels_[i] > level) leaves[id] = true;
    for (const value_id id : made_.outputs) leaves[id] = true;

    part_graph part(model_, operators_, facts_);
    for (value_id id = 0; id < model_.values.size(); ++id) {
      if (!read[id] || made_here[id] || model_.constants.count(id) > 0) continue;
      segment.inputs.push_back(id);
      part.part.inputs.push_back(part.map(id));
      if (level_[id] > 0 || maker_[id]) part.declare(id, facts_.types[id]);
    }
    for (const node* step : steps) part.add(*step);
    for (value_id id = 0; id < model_.values.size(); ++id) {
      if (!made_here[id] || !leaves[id] || !needed_[id]) continue;
      segment.outputs.push_back(id);
      const auto type = part_graph::travel_type(facts_, id, storage_);
      if (read[id] && facts_.types[id] && type != facts_.types[id]) {
        part.part.outputs.push_back(part.pass_on(id, type));
      } else {
        part.declare(id, type);
        part.part.outputs.push_back(part.map(id));
      }
    }
    if (!steps.empty()) {
      part.part.name = fmt::format("{}, segment {}", model_.name, level);
      TROUPE_CHECK(validate(part.part).while_doing(part.part.name));
      segment.network = std::make_shared<const graph>(std::move(part.part));
    }
    made_.segments.push_back(std::move(segment));
    return {};
  }

  void find_last_uses() {
    std::vector<bool> seen(model_.values.size(), false);
    for (const value_id id : made_.outputs) seen[id] = true;
    for (auto segment = made_.segments.rbegin(); segment != made_.segments.rend(); ++segment) {
      std::vector<value_id> used = segment->inputs;
      used.insert(used.end(), segment->outputs.begin(), segment->outputs.end());
      for (const value_id id : used)
        if (!seen[id]) segment->last_used.push_back(id);
      for (const value_id id : used) seen[id] = true;
    }
  }

  const graph& model_;
  const operator_table& operators_;
  dtype storage_;
  prediction facts_;
  std::vector<const node*> maker_;
  std::vector<std::size_t> level_, node_levels_;
  std::vector<bool> needed_, exchanged_;
  std::vector<std::vector<value_exchange>> exchanges_;
  slice_program made_;
};

}  // namespace

result<slice_program> read_slice(std::shared_ptr<const graph> slice, const operator_table& operators, dtype storage) {
  const auto first = std::find_if(slice->nodes.begin(), slice->nodes.end(), is_exchange);
  if (first == slice->nodes.end()) {
    slice_program whole{0, 1, slice->inputs, slice->outputs, {}, {}, {}};
    whole.output_types.resize(slice->outputs.size());
    whole.segments.push_back({slice, slice->inputs, slice->outputs, {}, {}});
    return whole;
  }
  const std::int64_t index = first->int_or("slice", -1), count = first->int_or("slices", -1);
  if (count < 2 || count > static_cast<std::int64_t>(limits::shards_max) || index < 0 || index >= count)
    return fail(errc::invalid_argument, "{} is for slice {} of {}, which is not possible", first->describe(), index,
                count);
  if (!slice->states.empty())
    return error(errc::invalid_argument, "a slice of a model keeps states from run to run, which slices do not share");
  return slice_reader(*slice, operators, storage)
      .read(static_cast<std::size_t>(index), static_cast<std::size_t>(count));
}

}  // namespace troupe
