#include "troupe/engine/operator.hpp"

#include <algorithm>
#include <set>

#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe {
namespace {

result<std::vector<std::int64_t>> to_ints(const tensor& data) {
  if (is_float(data.type()))
    return fail(errc::invalid_argument, "a tensor {} is used where integers are needed", data.describe());
  TROUPE_TRY(const tensor wide, convert(data, dtype::i64));
  const auto values = wide.as<std::int64_t>();
  return std::vector<std::int64_t>(values.begin(), values.end());
}

}  // namespace

result<std::vector<std::int64_t>> infer_context::input_ints(std::size_t i, std::string_view role) const {
  const tensor* data = input_value(i);
  if (!data)
    return fail(errc::unsupported, "{} of {} depends on values computed during the run", role, step_.describe());
  return to_ints(*data).while_doing(fmt::format("reading {} of {}", role, step_.describe()));
}

result<void> infer_context::expect_inputs(std::size_t least, std::size_t most) const {
  for (std::size_t i = 0; i < least; ++i)
    if (!has_input(i)) return fail(errc::invalid_argument, "{} lacks operand {}", step_.describe(), i);
  if (operands_.size() > most)
    return fail(errc::invalid_argument, "{} has {} operands; at most {} are allowed", step_.describe(),
                operands_.size(), most);
  return {};
}

void infer_context::set_output(std::size_t i, dtype type, const shape& dims) {
  if (i < outputs_.size()) outputs_[i] = {true, type, dims};
}

result<std::vector<float>> reference_context::input_floats(std::size_t i) const {
  TROUPE_TRY(const tensor wide, convert(input(i), dtype::f32));
  const auto values = wide.as<float>();
  return std::vector<float>(values.begin(), values.end());
}

result<void> reference_context::set_output_floats(std::size_t i, std::span<const float> values) const {
  TROUPE_TRY(const tensor wide, tensor::from(output(i).dims(), values));
  TROUPE_TRY(output(i), convert_to_storage(wide, output(i).type()));
  return {};
}

result<std::vector<std::int64_t>> reference_context::input_ints(std::size_t i) const {
  return to_ints(input(i));
}

std::uint32_t lowering_context::add_scratch(std::int64_t elements, storage_kind kind) {
  scratches_.push_back({next_slot_, elements, kind});
  return next_slot_++;
}

device_traits traits_for(device_traits traits, kernel_family family) noexcept {
  if (family == kernel_family::automatic) return traits;
  traits.software = family == kernel_family::software;
  traits.texel_reads = traits.texel_reads && traits.software;
  return traits;
}

bool lowering_context::reads_texels(std::int64_t elements) const noexcept {
  const auto words = static_cast<std::uint64_t>(elements) * size_of(storage_) / 16;
  return traits_.texel_reads && words < traits_.texel_elements_max;
}

std::array<std::uint32_t, 3> groups_for(std::int64_t invocations, std::uint32_t group_size,
                                        const device_traits& traits) {
  const auto groups = std::max<std::int64_t>(1, (invocations + group_size - 1) / group_size);
  const std::int64_t width = std::min<std::int64_t>(groups, traits.group_count_max[0]);
  return {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>((groups + width - 1) / width), 1};
}

result<void> check_operators(const graph& model, const operator_table& table) {
  std::set<std::string> missing;
  for_each_node(model, [&](const node& step) {
    if (table.find(step)) return;
    const auto domain = step.domain.empty() ? std::string() : step.domain + ".";
    missing.insert(fmt::format("{}{} (opset {})", domain, step.op, step.version));
  });
  if (missing.empty()) return {};
  return fail(errc::unsupported, "the model needs operators that Troupe does not have: {}", fmt::join(missing, ", "));
}

}  // namespace troupe
