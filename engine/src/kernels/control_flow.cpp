// If, Loop, Scan and SequenceMap: bodies are written out where the nodes stand, once for each iteration, so that
// devices see plain nodes. https://onnx.ai/onnx/operators/onnx__Loop.html
#include <algorithm>
#include <limits>

#include "graph/bodies.hpp"
#include "graph/expansion.hpp"
#include "graph/inference.hpp"
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Writes a body out, as often as it is asked to.
class body_writer {
public:
  body_writer(expansion& to, const node& step, const body_form& form)
      : to_(to), step_(step), form_(form), inside_(*form.inside) {}

  /// `operands`: one for each input of the body. Gives the body's outputs.
  result<std::vector<value_id>> write(const std::vector<value_id>& operands) {
    TROUPE_CHECK(to_.charge(step_, 1 + inside_.nodes.size()));
    analyse();
    TROUPE_CHECK(to_.charge(step_, words_ / 64));
    std::vector<value_id> ids(inside_.values.size(), no_value);
    for (std::size_t i = 0; i < operands.size(); ++i) ids[inside_.inputs[i]] = operands[i];
    for (const auto& [id, data] : inside_.constants) ids[id] = to_.add_constant(inside_.values[id].name, data);
    for (std::size_t i = 0; i < inside_.nodes.size(); ++i) {
      if (!live_[i]) continue;
      node copy = inside_.nodes[i];
      for (value_id& id : copy.inputs)
        if (id != no_value) id = ids[id];
      for (value_id& id : copy.outputs)
        if (id != no_value) id = ids[id] = to_.add_value(inside_.values[id].name, needed_[id]);
      TROUPE_CHECK(to_.add(std::move(copy)));
    }
    std::vector<value_id> results;
    for (const value_id id : inside_.outputs) results.push_back(ids[id]);
    return results;
  }

private:
  /// What every iteration needs to know, once there is one.
  void analyse() {
    if (analysed_) return;
    analysed_ = true;
    live_ = live_nodes(inside_);
    needed_ = values_needed_in_body(step_, form_, to_.operators(), [&](value_id id) { return to_.needed_on_host(id); });
    words_ = inside_.values.size() + 16 * inside_.constants.size();
    for (const node& each : inside_.nodes) {
      words_ += each.inputs.size() + each.outputs.size();
      for (const auto& [key, held] : each.attributes) words_ += words_of(held);
    }
  }

  /// About how many words of memory a copy of an attribute takes.
  static std::size_t words_of(const attribute& held) {
    constexpr std::size_t about = 8;
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&held)) return about + integers->size();
    if (const auto* reals = std::get_if<std::vector<float>>(&held)) return about + reals->size();
    if (const auto* text = std::get_if<std::string>(&held)) return about + text->size() / 8;
    std::size_t words = about;
    if (const auto* texts = std::get_if<std::vector<std::string>>(&held))
      for (const std::string& each : *texts) words += 4 + each.size() / 8;
    return words;
  }

  expansion& to_;
  const node& step_;
  const body_form& form_;
  const graph& inside_;
  bool analysed_ = false;
  std::vector<bool> live_, needed_;
  std::size_t words_ = 0;  ///< of memory, that an iteration copies
};

/// What the iterations of a Loop or a Scan make besides their state.
class scan_results {
public:
  explicit scan_results(const body_form& form) : first_(form.first_result + form.states), parts_(form.scans()) {}

  void collect(const std::vector<value_id>& results) {
    for (std::size_t i = 0; i < parts_.size(); ++i) parts_[i].push_back(results[first_ + i]);
  }
  std::vector<value_id> take(std::size_t i) { return std::move(parts_[i]); }
  std::size_t size() const { return parts_.size(); }

private:
  std::size_t first_;
  std::vector<std::vector<value_id>> parts_;
};

/// A result over no iterations: empty, with the shape that the body would have made.
result<void> make_empty(expansion& to, value_id made, std::int64_t axis, value_id target) {
  if (target == no_value) return {};
  TROUPE_TRY(const auto like, to.tensor_at(made));
  TROUPE_TRY(const std::size_t place, normalize_axis(axis, like.dims.rank() + 1));
  std::vector<std::int64_t> extents(like.dims.begin(), like.dims.end());
  extents.insert(extents.begin() + static_cast<std::ptrdiff_t>(place), 0);
  TROUPE_TRY(const shape dims, shape::make(extents));
  TROUPE_TRY(tensor data, tensor::make(like.type, dims));
  return assign(to, to.add_constant("nothing", std::move(data)), target);
}

result<void> expand_if(expansion& to, const node& step) {
  TROUPE_TRY(const auto forms, read_bodies(step));
  TROUPE_TRY(const std::int64_t condition, read_number(to, step, 0, "the condition"));
  body_writer branch(to, step, forms[condition != 0 ? 0 : 1]);
  TROUPE_TRY(const auto results, branch.write({step.inputs.begin() + 1, step.inputs.end()}));
  for (std::size_t i = 0; i < results.size(); ++i) TROUPE_CHECK(assign(to, results[i], step.outputs[i]));
  return {};
}

/// The number of an iteration as the body declares it: a scalar, or a list of one number.
result<value_id> iteration_number(expansion& to, const graph& inside, std::int64_t number) {
  const auto& declared = inside.values[inside.inputs[0]].dims;
  return declared && declared->size() == 1 ? add_ints(to, {number}) : add_scalar(to, number);
}

result<void> expand_loop(expansion& to, const node& step) {
  TROUPE_TRY(const auto forms, read_bodies(step));
  const body_form& form = forms[0];
  std::int64_t trips = std::numeric_limits<std::int64_t>::max();
  if (has_operand(step, 0)) {
    TROUPE_TRY(trips, read_number(to, step, 0, "the trip count"));
  }
  std::int64_t goes_on = 1;
  if (has_operand(step, 1)) {
    TROUPE_TRY(goes_on, read_number(to, step, 1, "the condition"));
  }
  body_writer loop(to, step, form);
  std::vector<value_id> operands = step.inputs;
  const bool yes = true;
  TROUPE_TRY(tensor truth, tensor::from<bool>({}, {&yes, 1}));
  operands[1] = to.add_constant("condition", std::move(truth));
  scan_results scans(form);
  for (std::int64_t i = 0; i < trips && goes_on != 0; ++i) {
    TROUPE_TRY(operands[0], iteration_number(to, *form.inside, i));
    TROUPE_TRY(const auto results, loop.write(operands).while_doing(fmt::format("iteration {}", i)));
    TROUPE_CHECK(to.charge(step, scans.size()));
    node condition = step;
    condition.inputs = {results[0]};
    TROUPE_TRY(goes_on, read_number(to, condition, 0, "the condition after an iteration"));
    std::copy_n(results.begin() + 1, form.states, operands.begin() + 2);
    scans.collect(results);
  }
  for (std::size_t i = 0; i < form.states; ++i) TROUPE_CHECK(assign(to, operands[2 + i], step.outputs[i]));
  std::vector<value_id> rehearsed;
  for (std::size_t i = 0; i < scans.size(); ++i) {
    const value_id target = step.outputs[form.states + i];
    if (target == no_value) continue;
    const auto parts = scans.take(i);
    if (!parts.empty()) {
      TROUPE_CHECK(stack(to, parts, 0, target));
      continue;
    }
    if (rehearsed.empty()) {
      TROUPE_TRY(operands[0], iteration_number(to, *form.inside, 0));
      TROUPE_CHECK(to.rehearse([&]() -> result<void> {
        TROUPE_TRY(rehearsed, loop.write(operands));
        return {};
      }));
    }
    TROUPE_CHECK(make_empty(to, rehearsed[1 + form.states + i], 0, target));
  }
  return {};
}

/// Along which axes a Scan walks, and in which direction; one entry for each scanned operand or result.
struct scan_walk {
  std::vector<std::int64_t> input_axes, input_directions, output_axes, output_directions;
};

result<std::vector<std::int64_t>> walk_list(const node& step, std::string_view key, std::size_t count) {
  auto values = step.ints_or(key, {});
  if (values.empty()) values.resize(count, 0);
  if (values.size() != count)
    return fail(errc::invalid_argument, "{} of {} has {} entries; {} are needed", key, step.describe(), values.size(),
                count);
  return values;
}

/// One sequence: the scanned operands, of which all have `length` steps, the state, and what becomes of both.
class scan_writer {
public:
  scan_writer(expansion& to, const node& step, const body_form& form, scan_walk walk)
      : to_(to), step_(step), form_(form), writer_(to, step, form), walk_(std::move(walk)) {}

  std::size_t scanned() const { return form_.inputs() - form_.states - form_.captures; }

  /// `operands`: as the body's inputs. Gives the last state and the stacked results.
  result<std::vector<value_id>> write(std::vector<value_id> operands, const std::vector<value_id>& targets) {
    TROUPE_TRY(const std::int64_t length, length_of(operands));
    const std::vector<value_id> given = operands;
    scan_results scans(form_);
    for (std::int64_t t = 0; t < length; ++t) {
      TROUPE_CHECK(to_.charge(step_, scanned() + scans.size()));  // slices, and parts to be stacked
      for (std::size_t k = 0; k < scanned(); ++k) {
        const bool backwards = walk_.input_directions[k] != 0;
        const value_id source = given[form_.states + k];
        TROUPE_TRY(operands[form_.states + k],
                   take_slice(to_, source, backwards ? length - 1 - t : t, walk_.input_axes[k], source));
      }
      TROUPE_TRY(const auto results, writer_.write(operands).while_doing(fmt::format("step {}", t)));
      std::copy_n(results.begin(), form_.states, operands.begin());
      scans.collect(results);
    }
    if (length == 0) return write_nothing(std::move(operands), targets);
    std::vector<value_id> made(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(form_.states));
    for (std::size_t i = 0; i < scans.size(); ++i) {
      auto parts = scans.take(i);
      if (walk_.output_directions[i] != 0) std::reverse(parts.begin(), parts.end());
      const value_id target = targets[form_.states + i];
      const value_id stacked = to_.add_value("stacked", target != no_value && to_.needed_on_host(target));
      TROUPE_CHECK(stack(to_, parts, walk_.output_axes[i], stacked));
      made.push_back(stacked);
    }
    return made;
  }

private:
  result<std::int64_t> length_of(const std::vector<value_id>& operands) const {
    std::int64_t length = -1;
    for (std::size_t k = 0; k < scanned(); ++k) {
      TROUPE_TRY(const auto source, to_.tensor_at(operands[form_.states + k]));
      TROUPE_TRY(const std::size_t axis, normalize_axis(walk_.input_axes[k], source.dims.rank()));
      if (length >= 0 && source.dims[axis] != length)
        return fail(errc::invalid_argument, "{} scans sequences of {} and {} steps at once", step_.describe(), length,
                    source.dims[axis]);
      length = source.dims[axis];
    }
    return length;
  }

  result<std::vector<value_id>> write_nothing(std::vector<value_id> operands, const std::vector<value_id>& targets) {
    std::vector<value_id> made(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(form_.states));
    for (std::size_t k = 0; k < scanned(); ++k) {
      TROUPE_TRY(const auto source, to_.tensor_at(operands[form_.states + k]));
      TROUPE_TRY(const std::size_t axis, normalize_axis(walk_.input_axes[k], source.dims.rank()));
      std::vector<std::int64_t> extents(source.dims.begin(), source.dims.end());
      extents.erase(extents.begin() + static_cast<std::ptrdiff_t>(axis));
      TROUPE_TRY(const shape dims, shape::make(extents));
      operands[form_.states + k] = to_.add_stand_in("step", source.type, dims);
    }
    std::vector<value_id> results;
    TROUPE_CHECK(to_.rehearse([&]() -> result<void> {
      TROUPE_TRY(results, writer_.write(operands));
      return {};
    }));
    for (std::size_t i = 0; i < form_.scans(); ++i) {
      const value_id empty = to_.add_value("empty", false);
      TROUPE_CHECK(make_empty(to_, results[form_.states + i], walk_.output_axes[i], empty));
      made.push_back(empty);
    }
    static_cast<void>(targets);
    return made;
  }

  expansion& to_;
  const node& step_;
  const body_form& form_;
  body_writer writer_;
  scan_walk walk_;
};

/// Before opset 9 the first axis of everything is the batch, and each of its sequences is scanned for itself.
result<void> expand_batch(expansion& to, const node& step, const body_form& form, scan_writer& scan) {
  TROUPE_TRY(const auto first, to.tensor_at(step.inputs[1]));
  if (first.dims.rank() < 1) return fail(errc::invalid_argument, "{} has no batch axis", step.describe());
  const std::int64_t batch = first.dims[0];
  if (batch < 1) return fail(errc::unsupported, "{} has an empty batch", step.describe());
  if (has_operand(step, 0))
    return fail(errc::unsupported,
                "{} has sequences of different lengths; only opset 9 and later are supported for them",
                step.describe());
  std::vector<std::vector<value_id>> made(step.outputs.size());
  for (std::int64_t row = 0; row < batch; ++row) {
    std::vector<value_id> operands(step.inputs.begin() + 1, step.inputs.end());
    TROUPE_CHECK(to.charge(step, operands.size() + step.outputs.size()));  // slices, and parts to be stacked
    for (std::size_t i = 0; i + form.captures < operands.size(); ++i) {
      TROUPE_TRY(operands[i], take_slice(to, operands[i], row, 0, operands[i]));
    }
    TROUPE_TRY(const auto results, scan.write(std::move(operands), step.outputs));
    for (std::size_t i = 0; i < results.size(); ++i) made[i].push_back(results[i]);
  }
  for (std::size_t i = 0; i < made.size(); ++i)
    if (step.outputs[i] != no_value) TROUPE_CHECK(stack(to, made[i], 0, step.outputs[i]));
  return {};
}

result<void> expand_scan(expansion& to, const node& step) {
  TROUPE_TRY(const auto forms, read_bodies(step));
  const body_form& form = forms[0];
  const std::size_t scanned = form.inputs() - form.states - form.captures;
  const bool batched = form.first_operand == 1;
  scan_walk walk;
  TROUPE_TRY(walk.input_axes, walk_list(step, "scan_input_axes", scanned));
  TROUPE_TRY(walk.input_directions, walk_list(step, batched ? "directions" : "scan_input_directions", scanned));
  TROUPE_TRY(walk.output_axes, walk_list(step, "scan_output_axes", form.scans()));
  TROUPE_TRY(walk.output_directions, walk_list(step, "scan_output_directions", form.scans()));
  scan_writer scan(to, step, form, std::move(walk));
  if (batched) return expand_batch(to, step, form, scan);
  TROUPE_TRY(const auto results, scan.write(step.inputs, step.outputs));
  for (std::size_t i = 0; i < results.size(); ++i) TROUPE_CHECK(assign(to, results[i], step.outputs[i]));
  return {};
}

/// The body once for each item; other sequences are walked alongside, tensors are given to every one.
result<void> expand_sequence_map(expansion& to, const node& step) {
  TROUPE_TRY(const auto forms, read_bodies(step));
  TROUPE_TRY(const value_list* first, read_list(to, step, 0));
  const std::vector<value_id> items = first->items;
  body_writer writer(to, step, forms[0]);
  std::vector<value_list> made(step.outputs.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::vector<value_id> operands = step.inputs;
    for (std::size_t k = 0; k + forms[0].captures < operands.size(); ++k) {
      const value_list* list = to.list_at(operands[k]);
      if (list && (list->is_none || list->items.size() != items.size()))
        return fail(errc::invalid_argument, "{} walks sequences of {} and {} tensors at once", step.describe(),
                    items.size(), list->items.size());
      if (list) operands[k] = list->items[i];
    }
    TROUPE_TRY(const auto results, writer.write(operands).while_doing(fmt::format("item {}", i)));
    for (std::size_t k = 0; k < results.size(); ++k) made[k].items.push_back(results[k]);
  }
  for (std::size_t k = 0; k < made.size(); ++k)
    if (step.outputs[k] != no_value) TROUPE_CHECK(to.set_list(step.outputs[k], std::move(made[k])));
  return {};
}

}  // namespace

operator_definition if_operator() {
  return {.name = "If", .since_version = 1, .host_inputs = {0}, .expand = expand_if};
}

operator_definition loop_operator() {
  return {.name = "Loop", .since_version = 1, .host_inputs = {0, 1}, .expand = expand_loop};
}

operator_definition scan_operator() {
  return {.name = "Scan", .since_version = 8, .expand = expand_scan};
}

operator_definition sequence_map_operator() {
  return {.name = "SequenceMap", .since_version = 17, .expand = expand_sequence_map};
}

}  // namespace troupe
