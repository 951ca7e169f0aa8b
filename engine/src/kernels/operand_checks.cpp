#include "kernels/operand_checks.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::int64_t indexable_elements = std::int64_t{1} << 31;

}  // namespace

result<void> expect_same_float(const infer_context& context, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!context.has_input(i)) continue;
    if (!is_float(context.input_type(i)))
      return fail(errc::unsupported, "operand {} of {} is {}; Troupe computes it for floating-point types", i,
                  context.step().describe(), to_string(context.input_type(i)));
    if (context.input_type(i) != context.input_type(0))
      return fail(errc::invalid_argument, "operands 0 and {} of {} have different types {} and {}", i,
                  context.step().describe(), to_string(context.input_type(0)), to_string(context.input_type(i)));
  }
  return {};
}

result<void> expect_indexable(const lowering_context& context, std::initializer_list<std::size_t> inputs) {
  const auto check = [&](std::string_view role, std::size_t i, const shape& dims) -> result<void> {
    if (dims.elements() < indexable_elements) return {};
    return fail(errc::unsupported, "{} {} of {} has {} elements; a device computes with fewer than {}", role, i,
                context.step().describe(), dims.elements(), indexable_elements);
  };
  for (const std::size_t i : inputs)
    if (context.has_input(i)) TROUPE_CHECK(check("operand", i, context.input_dims(i)));
  return check("output", 0, context.output_dims(0));
}

}  // namespace troupe
