#include "graph/expansion.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> add_node(expansion& to, std::string_view op, std::vector<value_id> inputs, value_id target,
                      std::map<std::string, attribute, std::less<>> attributes) {
  node step;
  step.op = op;
  step.version = 13;
  step.inputs = std::move(inputs);
  step.outputs = {target};
  step.attributes = std::move(attributes);
  return to.add(std::move(step));
}

result<value_id> add_node_like(expansion& to, std::string_view op, std::vector<value_id> inputs, value_id like,
                               std::map<std::string, attribute, std::less<>> attributes) {
  const value_id made = to.add_value(std::string(op), like != no_value && to.needed_on_host(like));
  TROUPE_CHECK(add_node(to, op, std::move(inputs), made, std::move(attributes)));
  return made;
}

result<value_id> add_ints(expansion& to, const std::vector<std::int64_t>& values) {
  TROUPE_TRY(tensor data, tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  return to.add_constant("integers", std::move(data));
}

result<value_id> add_scalar(expansion& to, std::int64_t value) {
  TROUPE_TRY(tensor data, tensor::from<std::int64_t>({}, {&value, 1}));
  return to.add_constant("number", std::move(data));
}

result<void> assign(expansion& to, value_id source, value_id target) {
  if (target == no_value) return {};
  if (source == no_value) return fail(errc::invalid_argument, "a value that is left out is used as a result");
  if (const value_list* list = to.list_at(source)) return to.set_list(target, *list);
  return add_node(to, "Identity", {source}, target);
}

bool has_operand(const node& step, std::size_t i) {
  return i < step.inputs.size() && step.inputs[i] != no_value;
}

result<std::int64_t> read_number(const expansion& from, const node& step, std::size_t i, std::string_view role) {
  if (!has_operand(step, i)) return fail(errc::invalid_argument, "{} lacks {}", step.describe(), role);
  TROUPE_CHECK(from.tensor_at(step.inputs[i]));
  const tensor* data = from.contents(step.inputs[i]);
  if (!data)
    return fail(errc::unsupported, "{} of {} depends on values computed during the run", role, step.describe());
  if (data->elements() != 1 || is_float(data->type()))
    return fail(errc::invalid_argument, "{} of {} is {} instead of one number or truth value", role, step.describe(),
                data->describe());
  TROUPE_TRY(const tensor wide, convert(*data, dtype::i64));
  return wide.as<std::int64_t>()[0];
}

result<const value_list*> read_list(const expansion& from, const node& step, std::size_t i) {
  if (!has_operand(step, i)) return fail(errc::invalid_argument, "{} lacks operand {}", step.describe(), i);
  const value_list* list = from.list_at(step.inputs[i]);
  if (!list) return fail(errc::invalid_argument, "operand {} of {} is a tensor, not a sequence", i, step.describe());
  if (list->is_none) return fail(errc::invalid_argument, "operand {} of {} is an empty optional", i, step.describe());
  return list;
}

result<value_id> take_slice(expansion& to, value_id source, std::int64_t position, std::int64_t axis, value_id like) {
  TROUPE_TRY(const value_id index, add_scalar(to, position));
  return add_node_like(to, "Gather", {source, index}, like, {{"axis", axis}});
}

result<void> stack(expansion& to, const std::vector<value_id>& parts, std::int64_t axis, value_id target) {
  TROUPE_TRY(const value_id axes, add_ints(to, {axis}));
  std::vector<value_id> longer;
  for (const value_id part : parts) {
    TROUPE_TRY(const value_id one, add_node_like(to, "Unsqueeze", {part, axes}, target));
    longer.push_back(one);
  }
  return add_node(to, "Concat", std::move(longer), target, {{"axis", axis}});
}

}  // namespace troupe
