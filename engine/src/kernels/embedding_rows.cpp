// EmbeddingRows: the rows of a table in a block format that ids choose. On the host: it reads a few rows of a table
// that would otherwise lie in device memory a second time.
#include "kernels/definitions.hpp"
#include "kernels/linear_shape.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> embedding_rows_reference(reference_context&);

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  if (context.input_type(0) != dtype::i32 && context.input_type(0) != dtype::i64)
    return fail(errc::invalid_argument, "the ids of {} are {}; int32 or int64 is needed", step.describe(),
                to_string(context.input_type(0)));
  TROUPE_CHECK(expect_bytes(context, 1, 2));
  TROUPE_TRY(const block_format format, format_of(step, step.string_or("format", "")));
  const std::int64_t inner = step.int_or("columns", 0);
  TROUPE_CHECK(block_matrix_of(node_view(context), 1, format, inner));
  std::vector<std::int64_t> extents(context.input_dims(0).begin(), context.input_dims(0).end());
  extents.push_back(inner);
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, dtype::f32, dims);
  return {};
}

}  // namespace

operator_definition embedding_rows_operator() {
  return {.name = "troupe.EmbeddingRows", .infer = infer, .reference = embedding_rows_reference};
}

}  // namespace troupe
