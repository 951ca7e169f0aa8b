#include "kernels/packed_blocks.hpp"
#include "kernels/divide_up.hpp"

#include <algorithm>

#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

constexpr std::int64_t chunk_elements = 256;
/// Sources that pack_blocks.comp reads.
constexpr std::size_t sources_max = 4;
/// Rows that a part of a weight begins at a multiple of: their bytes are a multiple of what bindings begin at.
constexpr std::int64_t part_rows = 256;

struct pack_parameters {
  std::uint32_t count, inner, row_bytes, row_words, row_ends[sources_max];
};

/// Rows of one weight.
struct source_rows {
  dispatch_operand operand;
  std::int64_t count = 0;
};

std::int64_t packed_bytes(std::int64_t rows, std::int64_t row_words) {
  return divide_up(rows, 8) * 8 * row_words * 16;
}

/// Collects rows until they change their format or fill a binding.
class packer {
public:
  packer(lowering_context& context, const linear_shape& linear)
      : context_(context),
        inner_(linear.inner),
        binding_(static_cast<std::int64_t>(context.traits().storage_range_max)) {}

  result<void> add(const block_matrix& matrix) {
    const std::int64_t row_words = packed_row_words(matrix.format, inner_);
    const std::int64_t row_max = std::max(matrix.row_bytes, 16 * row_words);
    if (matrix.rows <= binding_ / row_max - 8)
      return append(matrix, {context_.read(matrix.operand), matrix.rows}, row_words);
    TROUPE_CHECK(flush());
    const std::int64_t fitting = std::max(binding_ / row_max / part_rows * part_rows, part_rows);
    for (std::int64_t first = 0; first < matrix.rows; first += fitting) {
      const std::int64_t count = std::min(fitting, matrix.rows - first);
      dispatch_operand part = context_.read(matrix.operand);
      part.part_begin = first * matrix.row_bytes;
      part.part_elements = count * matrix.row_bytes;
      TROUPE_CHECK(append(matrix, {part, count}, row_words));
      TROUPE_CHECK(flush());
    }
    return {};
  }

  result<std::vector<packed_rows>> finish() {
    TROUPE_CHECK(flush());
    return std::move(made_);
  }

private:
  result<void> append(const block_matrix& matrix, source_rows rows, std::int64_t row_words) {
    const bool joins = !sources_.empty() && sources_.size() < sources_max && current_.format == matrix.format &&
                       packed_bytes(current_.count + rows.count, row_words) <= binding_;
    if (!joins) {
      TROUPE_CHECK(flush());
      current_ = {{}, matrix.format, next_, 0, row_words};
      row_bytes_ = matrix.row_bytes;
    }
    sources_.push_back(rows);
    current_.count += rows.count;
    next_ += rows.count;
    return {};
  }

  result<void> flush() {
    if (sources_.empty()) return {};
    const std::int64_t bytes = packed_bytes(current_.count, current_.row_words);
    if (bytes >= std::int64_t{1} << 32)
      return fail(errc::unsupported,
                  "{} has {} bytes of weights that must lie together; a device reaches fewer than {}",
                  context_.step().describe(), bytes, std::int64_t{1} << 32);
    const packed_format format = packed_format_of(current_.format);
    pack_parameters parameters{as_u32(bytes / 16), as_u32(inner_), as_u32(row_bytes_), as_u32(current_.row_words), {}};
    std::vector<dispatch_operand> operands(sources_max, sources_.front().operand);
    std::int64_t end = 0;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      operands[i] = sources_[i].operand;
      parameters.row_ends[i] = as_u32(end += sources_[i].count);
    }
    const std::uint32_t packed = context_.scratch_bytes(bytes);
    operands.push_back({packed, true});
    context_.add(
        {.shader = "pack_blocks",
         .operands = std::move(operands),
         .push_constants = push_bytes(parameters),
         .specialization = {static_cast<std::uint32_t>(current_.format), format.unit_elements, format.unit_words,
                            format.header_words, static_cast<std::uint32_t>(size_of(current_.format).bytes),
                            static_cast<std::uint32_t>(sources_.size())},
         .groups = groups_for(bytes / 16, 64, context_.traits())});
    current_.operand = {packed};
    const device_traits& traits = context_.traits();
    current_.operand.texels = traits.texel_reads && static_cast<std::uint64_t>(bytes) / 16 < traits.texel_elements_max;
    made_.push_back(current_);
    sources_.clear();
    return {};
  }

  lowering_context& context_;
  std::int64_t inner_, binding_;
  std::vector<source_rows> sources_;
  packed_rows current_;
  std::int64_t row_bytes_ = 0, next_ = 0;
  std::vector<packed_rows> made_;
};

}  // namespace

packed_format packed_format_of(block_format format) noexcept {
  switch (format) {
    case block_format::f32: return {32, 8, 0};
    case block_format::f16:
    case block_format::bf16: return {32, 4, 0};
    case block_format::q8_0: return {32, 2, 1};
    case block_format::q4_0:
    case block_format::q4_k: return {32, 1, 1};
    case block_format::q4_1: return {32, 1, 2};
    case block_format::q5_0:
    case block_format::q5_k: return {32, 1, 3};
    case block_format::q5_1: return {32, 1, 4};
    case block_format::q2_k: return {64, 1, 2};
    case block_format::q3_k: return {64, 1, 3};
    case block_format::q6_k: return {64, 3, 2};
  }
  return {32, 8, 0};
}

std::int64_t packed_row_words(block_format format, std::int64_t inner) noexcept {
  const packed_format sizes = packed_format_of(format);
  const std::int64_t units = divide_up(inner % chunk_elements, sizes.unit_elements);
  const std::int64_t rest = units == 0 ? 0 : sizes.header_words + units * sizes.unit_words;
  return inner / chunk_elements * (sizes.header_words + chunk_elements / sizes.unit_elements * sizes.unit_words) + rest;
}

result<std::vector<packed_rows>> pack_weights(lowering_context& context, const linear_shape& linear) {
  packer made(context, linear);
  for (const block_matrix& matrix : linear.matrices) TROUPE_CHECK(made.add(matrix));
  return made.finish();
}

}  // namespace troupe
