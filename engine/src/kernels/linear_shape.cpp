#include "kernels/linear_shape.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

/// Rows of weights and of what they multiply; bounds every product of extents here.
constexpr std::int64_t inner_max = std::int64_t{1} << 24;

}  // namespace

result<block_format> format_of(const node& step, std::string_view name) {
  const auto format = block_format_named(name);
  if (format) return *format;
  return fail(errc::unsupported,
              "{} has weights in the format \"{}\", which Troupe does not know; convert the model to one of F32, F16, "
              "BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and Q2_K to Q6_K",
              step.describe(), name);
}

result<block_matrix> block_matrix_of(const node_view& given, std::size_t operand, block_format format,
                                     std::int64_t inner) {
  const node& step = given.step();
  if (!given.has(operand)) return fail(errc::invalid_argument, "{} lacks its operand {}", step.describe(), operand);
  if (inner < 1 || inner > inner_max)
    return fail(errc::invalid_argument, "{} has rows of {} elements; 1 to {} are possible", step.describe(), inner,
                inner_max);
  const shape& dims = given.dims(operand);
  TROUPE_TRY(const std::size_t bytes, row_bytes(format, static_cast<std::size_t>(inner)));
  if (dims.rank() != 2 || dims[0] < 1 || dims[1] != static_cast<std::int64_t>(bytes))
    return fail(errc::invalid_argument,
                "operand {} of {} is {}; rows of {} bytes, {} elements in the format {}, are needed", operand,
                step.describe(), dims.to_string(), bytes, inner, to_string(format));
  return block_matrix{operand, format, dims[0], dims[1]};
}

result<linear_shape> linear_shape_of(const node_view& given, std::size_t first, std::size_t last,
                                     std::int64_t experts) {
  const node& step = given.step();
  const auto found = step.attributes.find("formats");
  const auto* names = found == step.attributes.end() ? nullptr : std::get_if<std::vector<std::string>>(&found->second);
  if (!names || last <= first || names->size() != last - first)
    return fail(errc::invalid_argument, "{} has {} weights and names {} formats; each weight needs one",
                step.describe(), last > first ? last - first : 0, names ? names->size() : 0);
  linear_shape made{.inner = step.int_or("columns", 0), .experts = experts, .matrices = {}};
  if (experts < 1) return fail(errc::invalid_argument, "{} has {} experts; 1 is the least", step.describe(), experts);
  for (std::size_t i = first; i < last; ++i) {
    TROUPE_TRY(const block_format format, format_of(step, (*names)[i - first]));
    TROUPE_TRY(block_matrix matrix, block_matrix_of(given, i, format, made.inner));
    if (matrix.rows % experts != 0)
      return fail(errc::invalid_argument, "operand {} of {} has {} rows, which {} experts cannot share", i,
                  step.describe(), matrix.rows, experts);
    matrix.rows /= experts;
    made.columns += matrix.rows;  // each at most limits::elements_max, and the operands of a node are few
    made.matrices.push_back(matrix);
  }
  return made;
}

result<void> expect_bytes(const infer_context& context, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i)
    if (context.has_input(i) && context.input_type(i) != dtype::u8)
      return fail(errc::invalid_argument, "operand {} of {} is {}; blocks are given as uint8", i,
                  context.step().describe(), to_string(context.input_type(i)));
  return {};
}

result<void> check_bias(const infer_context& context, std::size_t operand, std::int64_t columns) {
  if (!context.has_input(operand)) return {};
  const shape& dims = context.input_dims(operand);
  if (context.input_type(operand) == context.input_type(0) && dims.rank() == 1 && dims[0] == columns) return {};
  return fail(errc::invalid_argument, "the bias of {} is {}{}; {}[{}] is needed", context.step().describe(),
              to_string(context.input_type(operand)), dims.to_string(), to_string(context.input_type(0)), columns);
}

}  // namespace troupe
