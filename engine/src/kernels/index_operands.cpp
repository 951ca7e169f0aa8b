#include "kernels/index_operands.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> expect_indices(const infer_context& context, std::size_t i) {
  if (context.input_type(i) == dtype::i32 || context.input_type(i) == dtype::i64) return {};
  return fail(errc::invalid_argument, "the indices of {} are {}; int32 or int64 is needed", context.step().describe(),
              to_string(context.input_type(i)));
}

result<std::int64_t> normalize_index(const node& step, std::int64_t index, std::int64_t extent) {
  if (index < -extent || index >= extent)
    return fail(errc::invalid_argument, "index {} of {} is outside [-{}, {})", index, step.describe(), extent, extent);
  return index < 0 ? index + extent : index;
}

result<void> check_known_indices(const infer_context& context, std::size_t i, std::int64_t extent) {
  if (!context.input_value(i)) return {};
  TROUPE_TRY(const auto indices, context.input_ints(i, "the indices"));
  for (const std::int64_t index : indices) TROUPE_CHECK(normalize_index(context.step(), index, extent));
  return {};
}

}  // namespace troupe
