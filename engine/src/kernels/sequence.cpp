// Sequences and optionals: which tensors they hold is known when a graph is specialised, so that they are lists of
// values, and what takes a tensor out of one is that tensor. https://onnx.ai/onnx/operators/onnx__SequenceAt.html
#include "graph/expansion.hpp"
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Counted from the end when it is negative; at most `last`.
result<std::size_t> read_position(const expansion& from, const node& step, std::size_t operand, std::size_t count,
                                  std::size_t last) {
  TROUPE_TRY(std::int64_t position, read_number(from, step, operand, "the position"));
  const auto size = static_cast<std::int64_t>(count);
  if (position < -size || position > static_cast<std::int64_t>(last))
    return fail(errc::invalid_argument, "the position {} of {} lies outside of a sequence of {} tensors", position,
                step.describe(), count);
  return static_cast<std::size_t>(position < 0 ? position + size : position);
}

result<void> set_result(expansion& to, const node& step, value_list list) {
  if (step.outputs.size() != 1 || step.outputs[0] == no_value)
    return fail(errc::invalid_argument, "{} has {} results instead of one", step.describe(), step.outputs.size());
  return to.set_list(step.outputs[0], std::move(list));
}

result<void> construct(expansion& to, const node& step) {
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    if (!has_operand(step, i)) return fail(errc::invalid_argument, "{} lacks operand {}", step.describe(), i);
    TROUPE_CHECK(to.tensor_at(step.inputs[i]));
  }
  return set_result(to, step, {false, step.inputs});
}

result<void> make_empty(expansion& to, const node& step) {
  return set_result(to, step, {});
}

result<void> take_at(expansion& to, const node& step) {
  TROUPE_TRY(const value_list* list, read_list(to, step, 0));
  if (list->items.empty()) return fail(errc::invalid_argument, "{} takes from an empty sequence", step.describe());
  TROUPE_TRY(const std::size_t at, read_position(to, step, 1, list->items.size(), list->items.size() - 1));
  return assign(to, list->items[at], step.outputs.at(0));
}

result<void> insert(expansion& to, const node& step) {
  TROUPE_TRY(const value_list* list, read_list(to, step, 0));
  value_list longer = *list;
  std::size_t at = longer.items.size();
  if (!has_operand(step, 1)) return fail(errc::invalid_argument, "{} lacks operand 1", step.describe());
  TROUPE_CHECK(to.tensor_at(step.inputs[1]));
  if (has_operand(step, 2)) {
    TROUPE_TRY(at, read_position(to, step, 2, at, at));
  }
  longer.items.insert(longer.items.begin() + static_cast<std::ptrdiff_t>(at), step.inputs[1]);
  return set_result(to, step, std::move(longer));
}

result<void> erase(expansion& to, const node& step) {
  TROUPE_TRY(const value_list* list, read_list(to, step, 0));
  value_list shorter = *list;
  if (shorter.items.empty()) return fail(errc::invalid_argument, "{} takes from an empty sequence", step.describe());
  std::size_t at = shorter.items.size() - 1;
  if (has_operand(step, 1)) {
    TROUPE_TRY(at, read_position(to, step, 1, shorter.items.size(), at));
  }
  shorter.items.erase(shorter.items.begin() + static_cast<std::ptrdiff_t>(at));
  return set_result(to, step, std::move(shorter));
}

result<void> count(expansion& to, const node& step) {
  TROUPE_TRY(const value_list* list, read_list(to, step, 0));
  TROUPE_TRY(const value_id length, add_scalar(to, static_cast<std::int64_t>(list->items.size())));
  return assign(to, length, step.outputs.at(0));
}

result<void> join(expansion& to, const node& step) {
  TROUPE_TRY(const value_list* list, read_list(to, step, 0));
  const std::vector<value_id> items = list->items;
  if (items.empty()) return fail(errc::invalid_argument, "{} joins an empty sequence", step.describe());
  if (!step.has("axis")) return fail(errc::invalid_argument, "{} lacks the attribute axis", step.describe());
  TROUPE_CHECK(to.charge(step, 1 + items.size()));
  const std::int64_t axis = step.int_or("axis", 0);
  if (step.int_or("new_axis", 0) != 0) return stack(to, items, axis, step.outputs.at(0));
  return add_node(to, "Concat", items, step.outputs.at(0), {{"axis", axis}});
}

/// How long the pieces are: operand 1, one number for all of them or a list; without it, 1.
result<std::vector<std::int64_t>> piece_lengths(expansion& to, const node& step, std::int64_t extent) {
  std::int64_t each = 1;
  if (has_operand(step, 1)) {
    TROUPE_TRY(const auto given, to.tensor_at(step.inputs[1]));
    if (given.dims.rank() > 0) {
      const tensor* data = to.contents(step.inputs[1]);
      if (!data || is_float(data->type()))
        return fail(errc::unsupported, "the lengths of {} are not known before the run", step.describe());
      TROUPE_CHECK(to.charge(step, data->elements()));
      TROUPE_TRY(const tensor wide, convert(*data, dtype::i64));
      return std::vector<std::int64_t>(wide.as<std::int64_t>().begin(), wide.as<std::int64_t>().end());
    }
    TROUPE_TRY(each, read_number(to, step, 1, "the length"));
  }
  if (each < 1) return fail(errc::invalid_argument, "{} makes pieces of the length {}", step.describe(), each);
  TROUPE_CHECK(to.charge(step, static_cast<std::size_t>(extent / each + 1)));
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(extent / each), each);
  if (extent % each != 0) lengths.push_back(extent % each);
  return lengths;
}

result<void> split(expansion& to, const node& step) {
  if (!has_operand(step, 0) || step.outputs.size() != 1 || step.outputs[0] == no_value)
    return fail(errc::invalid_argument, "{} needs a tensor and one result", step.describe());
  TROUPE_TRY(const auto source, to.tensor_at(step.inputs[0]));
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), source.dims.rank()));
  const auto place = static_cast<std::int64_t>(axis);
  TROUPE_TRY(const auto lengths, piece_lengths(to, step, source.dims[axis]));
  value_list made;
  if (!has_operand(step, 1) && step.int_or("keepdims", 1) == 0) {
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      TROUPE_TRY(const value_id piece,
                 take_slice(to, step.inputs[0], static_cast<std::int64_t>(i), place, step.outputs[0]));
      made.items.push_back(piece);
    }
  } else if (!lengths.empty()) {
    node pieces;
    pieces.op = "Split";
    pieces.name = step.name;
    pieces.version = 13;
    TROUPE_TRY(const value_id sizes, add_ints(to, lengths));
    pieces.inputs = {step.inputs[0], sizes};
    pieces.attributes.emplace("axis", place);
    for (std::size_t i = 0; i < lengths.size(); ++i)
      made.items.push_back(to.add_value("piece", to.needed_on_host(step.outputs[0])));
    pieces.outputs = made.items;
    TROUPE_CHECK(to.add(std::move(pieces)));
  }
  return set_result(to, step, std::move(made));
}

result<void> make_optional(expansion& to, const node& step) {
  if (has_operand(step, 0)) return assign(to, step.inputs[0], step.outputs.at(0));
  return set_result(to, step, {true, {}});
}

result<void> has_element(expansion& to, const node& step) {
  const value_list* list = has_operand(step, 0) ? to.list_at(step.inputs[0]) : nullptr;
  const bool holds = has_operand(step, 0) && !(list && list->is_none);
  TROUPE_TRY(tensor data, tensor::from<bool>({}, {&holds, 1}));
  return assign(to, to.add_constant("holds", std::move(data)), step.outputs.at(0));
}

result<void> get_element(expansion& to, const node& step) {
  if (!has_operand(step, 0)) return fail(errc::invalid_argument, "{} lacks operand 0", step.describe());
  const value_list* list = to.list_at(step.inputs[0]);
  if (list && list->is_none) return fail(errc::invalid_argument, "{} takes from an empty optional", step.describe());
  return assign(to, step.inputs[0], step.outputs.at(0));
}

}  // namespace

operator_definition sequence_construct_operator() {
  return {.name = "SequenceConstruct", .since_version = 11, .expand = construct};
}
operator_definition sequence_empty_operator() {
  return {.name = "SequenceEmpty", .since_version = 11, .expand = make_empty};
}
operator_definition sequence_at_operator() {
  return {.name = "SequenceAt", .since_version = 11, .host_inputs = {1}, .expand = take_at};
}
operator_definition sequence_insert_operator() {
  return {.name = "SequenceInsert", .since_version = 11, .host_inputs = {2}, .expand = insert};
}
operator_definition sequence_erase_operator() {
  return {.name = "SequenceErase", .since_version = 11, .host_inputs = {1}, .expand = erase};
}
operator_definition sequence_length_operator() {
  return {.name = "SequenceLength", .since_version = 11, .shape_only = true, .expand = count};
}
operator_definition concat_from_sequence_operator() {
  return {.name = "ConcatFromSequence", .since_version = 11, .expand = join};
}
operator_definition split_to_sequence_operator() {
  return {.name = "SplitToSequence", .since_version = 11, .host_inputs = {1}, .expand = split};
}
operator_definition optional_operator() {
  return {.name = "Optional", .since_version = 15, .expand = make_optional};
}
operator_definition optional_has_element_operator() {
  return {.name = "OptionalHasElement", .since_version = 15, .shape_only = true, .expand = has_element};
}
operator_definition optional_get_element_operator() {
  return {.name = "OptionalGetElement", .since_version = 15, .expand = get_element};
}

}  // namespace troupe
