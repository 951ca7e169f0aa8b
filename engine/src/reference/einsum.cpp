#include "kernels/einsum.hpp"

#include "troupe/engine/operator.hpp"

namespace troupe {
namespace {

/// The sum of all products for each element of the result, label by label.
template <class Number>
std::vector<Number> sum_products(const einsum_plan& plan, const std::vector<std::vector<Number>>& operands) {
  std::int64_t count = plan.output.elements();
  std::int64_t terms = 1;
  for (std::size_t label = plan.kept; label < plan.extents.size(); ++label) terms *= plan.extents[label];
  std::vector<Number> made;
  for (std::int64_t i = 0; i < count; ++i) {
    Number sum{};
    for (std::int64_t term = 0; term < terms; ++term) {
      Number product{1};
      for (std::size_t operand = 0; operand < operands.size(); ++operand) {
        std::int64_t place = 0, kept_index = i, summed_index = term;
        for (std::size_t label = plan.extents.size(); label-- > 0;) {
          std::int64_t& index = label < plan.kept ? kept_index : summed_index;
          place += index % plan.extents[label] * plan.operands[operand].strides[label];
          index /= plan.extents[label];
        }
        product *= operands[operand][static_cast<std::size_t>(place)];
      }
      sum += product;
    }
    made.push_back(sum);
  }
  return made;
}

}  // namespace

result<void> einsum_reference(reference_context& context) {
  TROUPE_TRY(const einsum_plan plan, read_einsum(node_view(context), context.input_count()));
  const dtype type = context.input(0).type();
  if (is_float(type)) {
    std::vector<std::vector<double>> operands;
    for (std::size_t i = 0; i < context.input_count(); ++i) {
      TROUPE_TRY(const auto values, context.input_floats(i));
      operands.emplace_back(values.begin(), values.end());
    }
    const auto made = sum_products(plan, operands);
    return context.set_output_floats(0, std::vector<float>(made.begin(), made.end()));
  }
  std::vector<std::vector<std::uint64_t>> operands;  // unsigned, so that overflow wraps around
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    TROUPE_TRY(const auto values, context.input_ints(i));
    operands.emplace_back(values.begin(), values.end());
  }
  const auto made = sum_products(plan, operands);
  std::vector<std::int64_t> wide(made.size());
  for (std::size_t i = 0; i < made.size(); ++i)
    wide[i] = type == dtype::i32 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(made[i]))
                                 : static_cast<std::int64_t>(made[i]);
  TROUPE_TRY(const tensor values, tensor::from<std::int64_t>(plan.output, wide));
  TROUPE_TRY(context.output(0), convert(values, type));
  return {};
}

}  // namespace troupe
