#include "import/llm/model_builder.hpp"

#include <cmath>
#include <cstring>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {
namespace {

constexpr int onnx_version = 23;

std::vector<std::string> formats_of(const std::vector<matrix>& weights) {
  std::vector<std::string> formats;
  for (const matrix& each : weights) formats.push_back(each.format);
  return formats;
}

/// An input of int32 with named extents or numbers.
value_id add_input(graph& into, const std::string& name, std::vector<dimension> dims) {
  const value_id id = into.add_value({.name = name, .type = dtype::i32, .type_known = true, .dims = std::move(dims)});
  into.inputs.push_back(id);
  return id;
}

}  // namespace

std::string in_layer(std::int64_t layer, std::string_view rest) {
  return fmt::format("blk.{}.{}", layer, rest);
}

model_builder::model_builder(const gguf_file& file, const hyperparameters& given, language_model& made)
    : file_(file), given_(given), made_(made) {
  const dimension rows{.extent = -1, .symbol = "rows"};
  tokens = add_input(made.graph, "tokens", {rows});
  positions = add_input(made.graph, "positions", {rows});
  sequences = add_input(made.graph, "sequences", {rows});
  pages = add_input(made.graph, "pages",
                    {{.extent = made.sessions, .symbol = {}}, {.extent = made.pages_per_session, .symbol = {}}});
  output_rows = add_input(made.graph, "output_rows", {{.extent = -1, .symbol = "outputs"}});
}

result<const gguf_tensor*> model_builder::find(const std::string& tensor, std::int64_t rows, std::int64_t columns,
                                               std::int64_t experts) const {
  const gguf_tensor* const found = file_.find_tensor(tensor);
  if (!found) return fail(errc::invalid_argument, "the tensor \"{}\" is missing", tensor);
  const bool fits = found->columns() == columns && found->rows() == rows * experts &&
                    (experts == 1 || (found->rank == 3 && found->extents[0] == experts));
  if (fits) return found;
  const std::string needed = experts > 1 ? fmt::format("[{},{},{}]", experts, rows, columns)
                             : rows > 1  ? fmt::format("[{},{}]", rows, columns)
                                         : fmt::format("[{}]", columns);
  return fail(errc::invalid_argument, "the tensor \"{}\" is {}; {} is needed", tensor, found->describe(), needed);
}

result<matrix> model_builder::take_matrix(const std::string& tensor, std::int64_t rows, std::int64_t columns,
                                          std::int64_t experts) {
  TROUPE_TRY(const gguf_tensor* const found, find(tensor, rows, columns, experts));
  if (const auto known = matrices_.find(tensor); known != matrices_.end()) return known->second;
  TROUPE_TRY(troupe::tensor data, file_.matrix(*found));
  const matrix made{add_constant(tensor, std::move(data)), std::string(found->type_name()), rows * experts};
  matrices_.emplace(tensor, made);
  return made;
}

result<std::vector<float>> model_builder::read_vector(const std::string& tensor, std::int64_t length) const {
  TROUPE_TRY(const gguf_tensor* const found, find(tensor, 1, length, 1));
  TROUPE_TRY(const troupe::tensor data, file_.floats(*found));
  const auto values = data.as<float>();
  for (const float value : values)
    if (!std::isfinite(value))
      return fail(errc::invalid_argument, "the tensor \"{}\" holds a number that is not finite", tensor);
  return std::vector<float>(values.begin(), values.end());
}

result<value_id> model_builder::take_vector(const std::string& tensor, std::int64_t length) {
  return take_joined(tensor, {{tensor, length}});
}

result<value_id> model_builder::take_joined(const std::string& name, const std::vector<part>& parts) {
  bool any = parts.size() == 1;  // a vector that is asked for alone must be there
  std::vector<float> joined;
  for (const part& each : parts) {
    if (parts.size() == 1 || has(each.tensor)) {
      TROUPE_TRY(const auto values, read_vector(each.tensor, each.length));
      joined.insert(joined.end(), values.begin(), values.end());
      any = true;
    } else {
      joined.resize(joined.size() + static_cast<std::size_t>(each.length));
    }
  }
  if (!any) return no_value;
  TROUPE_TRY(tensor data, tensor::from<float>({static_cast<std::int64_t>(joined.size())}, joined));
  return add_constant(name, std::move(data));
}

value_id model_builder::add_constant(const std::string& name, tensor data) {
  return network().add_constant(name, std::move(data));
}

value_id model_builder::add_state(const std::string& name, const shape& dims) {
  return network().add_state(name, dtype::f32, dims);
}

value_id model_builder::add_node(std::string_view domain, int version, const std::string& op, const std::string& name,
                                 std::vector<value_id> inputs, std::vector<std::string> outputs, attributes given) {
  node step{.op = op,
            .domain = std::string(domain),
            .name = name,
            .version = version,
            .inputs = std::move(inputs),
            .outputs = {},
            .attributes = std::move(given)};
  for (std::string& output : outputs)
    step.outputs.push_back(
        network().add_value({.name = std::move(output), .type = dtype::f32, .type_known = true, .dims = {}}));
  const value_id first = step.outputs.front();
  network().nodes.push_back(std::move(step));
  return first;
}

value_id model_builder::add_onnx(const std::string& op, const std::string& name, std::vector<value_id> inputs,
                                 attributes given) {
  return add_node("", onnx_version, op, name, std::move(inputs), {name}, std::move(given));
}

value_id model_builder::add_own(const std::string& op, const std::string& name, std::vector<value_id> inputs,
                                attributes given) {
  return add_node(own_domain, 1, op, name, std::move(inputs), {name}, std::move(given));
}

std::pair<value_id, value_id> model_builder::add_own_pair(const std::string& op, const std::string& name,
                                                          const std::string& second, std::vector<value_id> inputs,
                                                          attributes given) {
  const value_id first =
      add_node(own_domain, 1, op, name, std::move(inputs), {name, name + "." + second}, std::move(given));
  return {first, network().nodes.back().outputs[1]};
}

result<value_id> model_builder::add_norm(const std::string& name, const std::string& tensor, value_id x,
                                         std::int64_t length) {
  TROUPE_TRY(const value_id weight, take_vector(tensor, length));
  return add_onnx("RMSNormalization", name, {x, weight}, {{"axis", std::int64_t{-1}}, {"epsilon", given_.epsilon}});
}

value_id model_builder::add_linear(const std::string& name, value_id x, value_id bias,
                                   const std::vector<matrix>& weights, std::int64_t columns) {
  std::vector<value_id> inputs{x, bias};
  for (const matrix& each : weights) inputs.push_back(each.value);
  return add_own("Linear", name, std::move(inputs), {{"formats", formats_of(weights)}, {"columns", columns}});
}

value_id model_builder::add_expert_linear(const std::string& name, value_id x, value_id ids,
                                          const std::vector<matrix>& weights, std::int64_t columns) {
  std::vector<value_id> inputs{x, ids};
  for (const matrix& each : weights) inputs.push_back(each.value);
  return add_own("ExpertLinear", name, std::move(inputs),
                 {{"formats", formats_of(weights)}, {"columns", columns}, {"experts", model().experts}});
}

value_id model_builder::add_sum(const std::string& name, value_id a, value_id b) {
  return add_onnx("Add", name, {a, b});
}

value_id model_builder::add_output_rows(const std::string& name, value_id x) {
  return add_onnx("Gather", name, {x, output_rows}, {{"axis", std::int64_t{0}}});
}

result<value_id> model_builder::add_rotary_table(const std::string& name, const rotary_angles& angles) {
  if (angles.size == 0) return no_value;
  if (const auto known = tables_.find(name); known != tables_.end()) return known->second;
  for (const float factor : angles.factors)
    if (factor <= 0)
      return fail(errc::invalid_argument, "a factor of the rotary frequencies is {}; positive numbers are needed",
                  factor);
  TROUPE_TRY(tensor data, rotary_table(angles, context()));
  return tables_.emplace(name, add_constant(name, std::move(data))).first->second;
}

shape model_builder::cache_dims() const {
  return {made_.cache_pages, model().kv_heads, cache_page_positions, model().head_size};
}

}  // namespace troupe::llm
