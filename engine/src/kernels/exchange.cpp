// Exchange: where slices of one model send each other partial results. Whoever runs a slice divides it there
// (read_slice), so that no device ever sees one; shapes are inferred as of any operator.
#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/tensor_cut.hpp"

namespace troupe {
namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 1));
  std::vector<std::int64_t> extents(context.input_dims(0).begin(), context.input_dims(0).end());
  if (step.has("axis")) {
    TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), extents.size()));
    const auto* given = step.ints("extents");
    if (!given || given->size() > limits::shards_max)
      return fail(errc::invalid_argument, "{} does not say the extents of its slices", step.describe());
    extents[axis] = 0;
    for (const std::int64_t extent : *given) {
      if (extent < 0 || extent > limits::elements_max)
        return fail(errc::invalid_argument, "{} has a slice of extent {}", step.describe(), extent);
      extents[axis] += extent;
    }
  }
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> refuse(reference_context& context) {
  return fail(errc::unsupported, "{} needs the other slices of its model; run it with parallel_mode::tensor",
              context.step().describe());
}

}  // namespace

operator_definition exchange_operator() {
  return {.name = "troupe.Exchange", .infer = infer, .reference = refuse};
}

}  // namespace troupe
