// Gather: slices of an operand along one axis, chosen by a tensor of indices.
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> gather_reference(reference_context&);

namespace {

/// Push constants of gather.comp.
struct parameters {
  std::uint32_t count;    ///< elements, or blocks of eight, of the result
  std::uint32_t inner;    ///< the same of one slice
  std::uint32_t indices;  ///< slices chosen
  std::uint32_t extent;   ///< slices there are
};

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  const shape& data = context.input_dims(0);
  const shape& chosen = context.input_dims(1);
  if (context.input_type(1) != dtype::i32 && context.input_type(1) != dtype::i64)
    return fail(errc::invalid_argument, "the indices of {} are {}; int32 or int64 is needed", step.describe(),
                to_string(context.input_type(1)));
  TROUPE_TRY(const std::size_t axis, normalize_axis(step.int_or("axis", 0), data.rank()));
  const std::int64_t extent = data[axis];
  if (extent == 0 && chosen.elements() > 0)
    return fail(errc::invalid_argument, "{} chooses from axis {} of its operand {}, which is empty", step.describe(),
                axis, data.to_string());
  if (context.input_value(1)) {
    TROUPE_TRY(const auto indices, context.input_ints(1, "indices"));
    for (const std::int64_t index : indices)
      if (index < -extent || index >= extent)
        return fail(errc::invalid_argument, "index {} of {} is outside [-{}, {})", index, step.describe(), extent,
                    extent);
  }
  std::vector<std::int64_t> extents(data.begin(), data.begin() + axis);
  extents.insert(extents.end(), chosen.begin(), chosen.end());
  extents.insert(extents.end(), data.begin() + axis + 1, data.end());
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> lower(lowering_context& context) {
  const shape& data = context.input_dims(0);
  TROUPE_TRY(const std::size_t axis, normalize_axis(context.step().int_or("axis", 0), data.rank()));
  TROUPE_CHECK(shader_count(context.step(), data));
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), context.output_dims(0)));
  if (count == 0) return {};
  const auto inner = static_cast<std::uint32_t>(data.elements(axis + 1, data.rank()));
  const bool in_blocks = inner % 8 == 0;  // then a place is eight elements
  const std::uint32_t places = in_blocks ? count / 8 : count;
  const parameters given{.count = places,
                         .inner = in_blocks ? inner / 8 : inner,
                         .indices = static_cast<std::uint32_t>(context.input_dims(1).elements()),
                         .extent = static_cast<std::uint32_t>(data[axis])};
  context.add({.shader = "gather",
               .operands = {context.read(0), context.read(1), context.write(0)},
               .push_constants = push_bytes(given),
               .specialization = {in_blocks ? 1u : 0u},
               .groups = groups_for(places, 64, context.traits())});
  return {};
}

}  // namespace

operator_definition gather_operator() {
  return {.name = "Gather", .index_inputs = {1}, .infer = infer, .reference = gather_reference, .lower = lower};
}

}  // namespace troupe
