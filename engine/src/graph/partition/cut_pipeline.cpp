#include <algorithm>
#include <numeric>

#include "graph/partition/cut_points.hpp"
#include "graph/partition/list_values.hpp"
#include "graph/partition/part_graph.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

/// Between which nodes each value is needed. It crosses the cut before node b when made <= b <= last_use.
struct lifetime {
  std::size_t made = 0;      ///< 1 + index of its node; 0 for inputs of the model
  std::size_t last_use = 0;  ///< index of the last node that reads it; the number of nodes for outputs of the model
  bool crosses = false;      ///< can cross at all: it is no constant and no state
};

std::vector<lifetime> lifetimes(const graph& model) {
  std::vector<lifetime> lives(model.values.size());
  for (const value_id id : model.inputs) lives[id].crosses = true;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    for (const value_id id : model.nodes[i].inputs)
      if (id != no_value) lives[id].last_use = i;
    for (const value_id id : model.nodes[i].outputs)
      if (id != no_value) lives[id] = {i + 1, 0, true};
  }
  for (const value_id id : model.outputs) lives[id].last_use = model.nodes.size();
  return lives;
}

class pipeline_cutter {
public:
  pipeline_cutter(const graph& model, const operator_table& operators, dtype storage)
      : model_(model),
        operators_(operators),
        storage_(storage),
        facts_(predict(model, operators, storage)),
        lives_(lifetimes(model)) {}

  /// `first`: the first piece of each part.
  result<std::vector<graph>> cut(const std::vector<std::size_t>& first) {
    const std::size_t stages = first.size();
    TROUPE_TRY(const auto bounds, bounds_of(first));
    std::vector<graph> parts;
    std::vector<value_id> taken = model_.inputs;
    for (std::size_t k = 0; k < stages; ++k) {
      const bool last = k + 1 == stages;
      TROUPE_TRY(auto given, last ? result<std::vector<value_id>>(model_.outputs) : crossing(bounds[k + 1]));
      graph part = make_part(bounds[k], bounds[k + 1], taken, given, k == 0, last);
      part.name = fmt::format("{} ({}/{})", model_.name, k + 1, stages);
      TROUPE_CHECK(validate(part).while_doing(fmt::format("cutting part {} of {}", k + 1, stages)));
      parts.push_back(std::move(part));
      taken = std::move(given);
    }
    return parts;
  }

  /// The first piece of each of about equal stages.
  result<std::vector<std::size_t>> even(std::size_t stages) const {
    if (stages > model_.nodes.size())
      return fail(errc::invalid_argument,
                  "the model has {} nodes besides constants, which cannot make {} stages; ask for fewer",
                  model_.nodes.size(), stages);
    const auto possible = possible_cuts();
    if (stages > possible.size())
      return fail(errc::invalid_argument,
                  "the sequences that the model handles let it be cut into {} stages at most; ask for fewer",
                  possible.size());
    const auto bytes = cut_bytes();
    std::vector<std::uint64_t> work, moved;
    for (std::size_t i = 0; i < possible.size(); ++i) {
      const std::size_t end = i + 1 < possible.size() ? possible[i + 1] : model_.nodes.size();
      work.push_back(std::accumulate(facts_.work.begin() + static_cast<std::ptrdiff_t>(possible[i]),
                                     facts_.work.begin() + static_cast<std::ptrdiff_t>(end), std::uint64_t{0}));
      moved.push_back(bytes[possible[i]]);
    }
    moved.push_back(bytes[model_.nodes.size()]);
    std::vector<std::size_t> first = choose_cuts(work, moved, stages);
    first.insert(first.begin(), 0);
    return first;
  }

  model_costs costs() const {
    model_costs made;
    made.operators = facts_.costs;
    made.cuts = possible_cuts();
    const auto bytes = cut_bytes();
    for (const std::size_t cut : made.cuts) made.cut_bytes.push_back(bytes[cut]);
    made.cut_bytes.push_back(bytes[model_.nodes.size()]);
    // What crosses before a node and what crosses behind it exist together while it runs.
    for (std::size_t i = 0; i < model_.nodes.size(); ++i)
      made.activation_bytes = std::max(made.activation_bytes, bytes[i] + bytes[i + 1]);
    if (!model_.inputs.empty())
      if (const auto& dims = model_.values[model_.inputs[0]].dims; dims && !dims->empty())
        made.rows = std::max<std::int64_t>(dims->front().extent, 1);
    return made;
  }

private:
  /// Where nodes may be parted: not where a sequence would have to travel.
  std::vector<std::size_t> possible_cuts() const {
    const auto lists = list_values(model_);
    std::vector<std::ptrdiff_t> crossed(model_.nodes.size() + 2, 0);
    for (value_id id = 0; id < lives_.size(); ++id) {
      if (!lists[id] || lives_[id].last_use < lives_[id].made) continue;
      ++crossed[lives_[id].made];
      --crossed[lives_[id].last_use + 1];
    }
    std::vector<std::size_t> possible{0};
    for (std::size_t i = 1; i < model_.nodes.size(); ++i) {
      crossed[i] += crossed[i - 1];
      if (crossed[i] == 0) possible.push_back(i);
    }
    return possible;
  }

  /// The first node of each part, and the number of nodes.
  result<std::vector<std::size_t>> bounds_of(const std::vector<std::size_t>& first) const {
    const auto possible = possible_cuts();
    std::vector<std::size_t> bounds;
    for (std::size_t k = 0; k < first.size(); ++k) {
      if (first[k] >= possible.size() || (k == 0 ? first[k] != 0 : first[k] <= first[k - 1]))
        return fail(errc::invalid_argument,
                    "part {} cannot begin with piece {}: first pieces rise from 0, and the model has {} pieces", k,
                    first[k], possible.size());
      bounds.push_back(possible[first[k]]);
    }
    bounds.push_back(model_.nodes.size());
    return bounds;
  }

  std::optional<dtype> travel_type(value_id id) const { return part_graph::travel_type(facts_, id, storage_); }

  /// What the caller of the whole model receives.
  std::optional<dtype> declared_type(value_id id) const {
    const value_info& info = model_.values[id];
    return info.type_known && is_float(info.type) ? info.type : facts_.types[id];
  }

  std::vector<std::uint64_t> cut_bytes() const {
    std::vector<std::uint64_t> bytes(model_.nodes.size() + 2, 0);
    for (value_id id = 0; id < lives_.size(); ++id) {
      const lifetime& life = lives_[id];
      if (!life.crosses || life.last_use < life.made) continue;
      const std::uint64_t amount = facts_.elements[id] * size_of(travel_type(id).value_or(dtype::f32));
      bytes[life.made] += amount;
      bytes[life.last_use + 1] -= amount;  // unsigned: the running sum is right nevertheless
    }
    for (std::size_t i = 1; i < bytes.size(); ++i) bytes[i] += bytes[i - 1];
    bytes.pop_back();
    return bytes;
  }

  /// What later parts or the caller need of what is known before node `position`, in the order in which it is made.
  result<std::vector<value_id>> crossing(std::size_t position) const {
    std::vector<value_id> ids;
    std::optional<value_id> latest;
    const auto consider = [&](value_id id) {
      if (id == no_value) return;
      latest = id;
      if (lives_[id].last_use >= position) ids.push_back(id);
    };
    for (const value_id id : model_.inputs) consider(id);
    for (std::size_t i = 0; i < position; ++i)
      for (const value_id id : model_.nodes[i].outputs) consider(id);
    // Parts that need nothing of one another still take turns: a graph has at least one output.
    if (ids.empty() && latest) ids.push_back(*latest);
    if (ids.empty()) return fail(errc::invalid_argument, "nothing that the first {} nodes make has a name", position);
    return ids;
  }

  graph make_part(std::size_t first, std::size_t last, const std::vector<value_id>& taken,
                  const std::vector<value_id>& given, bool is_first, bool is_last) {
    part_graph made(model_, operators_, facts_);
    std::vector<bool> read(model_.values.size(), false);
    for (std::size_t i = first; i < last; ++i)
      for (const value_id id : model_.nodes[i].inputs)
        if (id != no_value) read[id] = true;

    std::vector<bool> gives(model_.values.size(), false);
    for (const value_id id : given) gives[id] = true;
    const auto given_type = [&](value_id id) { return is_last ? declared_type(id) : travel_type(id); };

    for (const value_id id : taken) {
      made.part.inputs.push_back(made.map(id));
      if (is_first) continue;
      // Nodes see the type that they see in the whole model; any floating-point type is taken for it.
      const bool in_own_type = !gives[id] || (read[id] && facts_.types[id]);
      made.declare(id, in_own_type ? facts_.types[id] : given_type(id));
    }
    for (std::size_t i = first; i < last; ++i) made.add(model_.nodes[i]);
    for (const value_id id : given) {
      value_id mapped = made.map(id);
      const bool made_here = lives_[id].made > first || !lives_[id].crosses;
      const bool keeps_type = made_here ? is_last : is_first || !facts_.types[id];
      if (!keeps_type && read[id] && given_type(id) != facts_.types[id])
        mapped = made.pass_on(id, given_type(id));
      else if (!keeps_type && made_here)
        made.declare(id, given_type(id));
      made.part.outputs.push_back(mapped);
    }
    return std::move(made.part);
  }

  const graph& model_;
  const operator_table& operators_;
  dtype storage_;
  prediction facts_;
  std::vector<lifetime> lives_;
};

result<void> check_options(const graph& model, std::size_t stages, dtype storage) {
  TROUPE_CHECK(validate(model));
  if (stages < 1 || stages > limits::shards_max)
    return fail(errc::invalid_argument, "{} stages are asked for; 1 to {} are possible", stages, limits::shards_max);
  if (storage != dtype::f16 && storage != dtype::f32)
    return fail(errc::invalid_argument, "values cannot be kept as {}; float16 and float32 are possible",
                to_string(storage));
  return {};
}

/// What is constant in the whole model must not become some part's run-time work because its operand crosses a cut.
result<graph> folded_model(const graph& model, const operator_table& operators) {
  graph folded = model;
  TROUPE_CHECK(fold_constants(folded, operators));
  return folded;
}

/// The inputs of `model` get these shapes.
result<void> declare_inputs(graph& model, std::span<const shape> inputs) {
  if (inputs.empty()) return {};
  if (inputs.size() != model.inputs.size())
    return fail(errc::invalid_argument, "{} shapes are given for the model's {} inputs", inputs.size(),
                model.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    value_info& input = model.values[model.inputs[i]];
    bool fits = !input.dims || input.dims->size() == inputs[i].rank();
    for (std::size_t axis = 0; fits && input.dims && axis < inputs[i].rank(); ++axis) {
      const std::int64_t extent = (*input.dims)[axis].extent;
      fits = extent < 0 || extent == inputs[i][axis];
    }
    if (!fits)
      return fail(errc::invalid_argument, "the input \"{}\" is {}, which {} does not fit", input.name, input.describe(),
                  inputs[i].to_string());
    input.dims.emplace();
    for (const std::int64_t extent : inputs[i]) input.dims->push_back({extent, {}});
  }
  return {};
}

}  // namespace

result<std::vector<graph>> cut_pipeline(const graph& model, std::size_t stages, const operator_table& operators,
                                        dtype storage) {
  TROUPE_CHECK(check_options(model, stages, storage));
  if (stages == 1) return std::vector<graph>{model};
  TROUPE_TRY(const graph folded, folded_model(model, operators));
  pipeline_cutter cutter(folded, operators, storage);
  TROUPE_TRY(const auto first, cutter.even(stages));
  return cutter.cut(first);
}

result<std::vector<std::size_t>> even_cuts(const graph& model, std::size_t stages, const operator_table& operators,
                                           dtype storage) {
  TROUPE_CHECK(check_options(model, stages, storage));
  if (stages == 1) return std::vector<std::size_t>{0};
  TROUPE_TRY(const graph folded, folded_model(model, operators));
  return pipeline_cutter(folded, operators, storage).even(stages);
}

result<std::vector<graph>> cut_pipeline_at(const graph& model, const std::vector<std::size_t>& first,
                                           const operator_table& operators, dtype storage) {
  TROUPE_CHECK(check_options(model, first.size(), storage));
  if (first.size() == 1 && first[0] == 0) return std::vector<graph>{model};
  TROUPE_TRY(const graph folded, folded_model(model, operators));
  return pipeline_cutter(folded, operators, storage).cut(first);
}

result<model_costs> predict_costs(const graph& model, const operator_table& operators, dtype storage,
                                  std::span<const shape> inputs) {
  TROUPE_CHECK(check_options(model, 1, storage));
  TROUPE_TRY(graph folded, folded_model(model, operators));
  TROUPE_CHECK(declare_inputs(folded, inputs));
  return pipeline_cutter(folded, operators, storage).costs();
}

}  // namespace troupe
