// Constant: importers and folding usually make it a constant of the graph before anything runs.
#include "kernels/constant.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> constant_reference(reference_context&);

namespace {

template <class T>
result<tensor> list(const std::vector<T>& values) {
  const std::int64_t extents[] = {static_cast<std::int64_t>(values.size())};
  TROUPE_TRY(const shape dims, shape::make(extents));
  return tensor::from(dims, std::span<const T>(values));
}

template <class T>
result<tensor> scalar(T value) {
  return tensor::from(shape{}, std::span<const T>(&value, 1));
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(0, 0));
  TROUPE_TRY(const tensor value, read_constant(context.step()));
  context.set_output(0, value.type(), value.dims());
  return {};
}

}  // namespace

result<tensor> read_constant(const node& step) {
  if (step.attributes.size() != 1)
    return fail(errc::invalid_argument, "{} has {} attributes; exactly one value is needed", step.describe(),
                step.attributes.size());
  const auto& [name, held] = *step.attributes.begin();
  const auto* floats = std::get_if<std::vector<float>>(&held);
  if (const auto* value = std::get_if<tensor>(&held); value && name == "value") return *value;
  if (const auto* value = std::get_if<float>(&held); value && name == "value_float") return scalar(*value);
  if (const auto* value = std::get_if<std::int64_t>(&held); value && name == "value_int") return scalar(*value);
  if (floats && name == "value_floats") return list(*floats);
  if (const auto* values = step.ints("value_ints")) return list(*values);
  // An empty list may arrive as an empty list of another kind.
  const auto* ints = std::get_if<std::vector<std::int64_t>>(&held);
  if (ints && ints->empty() && name == "value_floats") return list(std::vector<float>());
  if (floats && floats->empty() && name == "value_ints") return list(std::vector<std::int64_t>());
  return fail(errc::unsupported, "{} has its value in \"{}\"; value, value_float(s) and value_int(s) are supported",
              step.describe(), name);
}

operator_definition constant_operator() {
  return {.name = "Constant", .infer = infer, .reference = constant_reference};
}

}  // namespace troupe
