// CumSum: running sums along one axis. On a device each invocation sums one chunk of a line; where a line has several
// chunks, a first dispatch makes their totals.
#include "kernels/cum_sum.hpp"

#include "kernels/definitions.hpp"
#include "kernels/operand_checks.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> cum_sum_reference(reference_context&);

result<running_sum> read_cum_sum(const node_view& view) {
  TROUPE_TRY(const auto axis, view.ints("axis", 1));
  if (!axis || axis->size() != 1) return fail(errc::invalid_argument, "{} needs one axis", view.step().describe());
  running_sum made{.exclusive = view.step().int_or("exclusive", 0) != 0,
                   .reverse = view.step().int_or("reverse", 0) != 0};
  TROUPE_TRY(made.axis, normalize_axis(axis->front(), view.dims(0).rank()));
  return made;
}

namespace {

/// Elements that one invocation sums. Fixed, so that a line's bits depend on nothing but the line; far below the 65,535
/// rounds after which Mesa 22.3 ends an invocation's loops.
constexpr std::int64_t chunk_length = 4096;

/// Push constants of cum_sum.comp.
struct parameters {
  std::uint32_t lines, length, inner, chunks, chunk_length, exclusive, reverse;
};

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  if (context.input_type(0) == dtype::boolean)
    return fail(errc::invalid_argument, "{} is not defined for bool", context.step().describe());
  TROUPE_CHECK(read_cum_sum(node_view(context)));
  context.set_output(0, context.input_type(0), context.input_dims(0));
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const running_sum sum, read_cum_sum(node_view(context)));
  const shape& dims = context.input_dims(0);
  TROUPE_TRY(const std::uint32_t count, shader_count(context.step(), dims));
  const std::int64_t length = dims[sum.axis];
  const std::int64_t chunks = (length + chunk_length - 1) / chunk_length;
  const std::int64_t lines = count / length;
  if (chunks > 32768)
    return fail(errc::unsupported, "{} sums {} elements along axis {}; a device sums at most {}",
                context.step().describe(), length, sum.axis, 32768 * chunk_length);
  const auto block =
      push_bytes(parameters{as_u32(lines), as_u32(length), as_u32(dims.elements(sum.axis + 1, dims.rank())),
                            as_u32(chunks), as_u32(chunk_length), sum.exclusive ? 1u : 0u, sum.reverse ? 1u : 0u});
  // The totals of chunks are fp32 whatever the storage.
  const std::uint32_t totals = context.scratch(lines * chunks * (context.storage() == dtype::f16 ? 2 : 1));
  const auto groups = groups_for(lines * chunks, 64, context.traits());
  context.add({.shader = "cum_sum_totals",
               .operands = {context.read(0), {totals, true}},
               .push_constants = block,
               .groups = groups});
  context.add({.shader = "cum_sum",
               .operands = {context.read(0), {totals, false}, context.write(0)},
               .push_constants = block,
               .groups = groups});
  return {};
}

}  // namespace

operator_definition cum_sum_operator() {
  return {.name = "CumSum",
          .since_version = 11,
          .host_inputs = {1},
          .infer = infer,
          .reference = cum_sum_reference,
          .lower = lower};
}

}  // namespace troupe
