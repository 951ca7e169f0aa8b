// Tile: strided copies in which the repeats are axes of stride 0. A walk has eight axes, so that one copy repeats along
// up to three axes of the tensor; more of them take several copies.
#include "kernels/definitions.hpp"
#include "kernels/node_view.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> tile_reference(reference_context&);

namespace {

constexpr std::size_t repeats_per_copy = 3;

result<shape> tiled(const node& step, const shape& given, const std::vector<std::int64_t>& repeats) {
  if (repeats.size() != given.rank())
    return fail(errc::invalid_argument, "{} has {} repeats for a tensor {}", step.describe(), repeats.size(),
                given.to_string());
  std::vector<std::int64_t> extents;
  for (std::size_t axis = 0; axis < repeats.size(); ++axis) {
    if (repeats[axis] < 0 || repeats[axis] > limits::elements_max / std::max<std::int64_t>(given[axis], 1))
      return fail(errc::invalid_argument, "{} repeats axis {} of a tensor {} {} times", step.describe(), axis,
                  given.to_string(), repeats[axis]);
    extents.push_back(given[axis] * repeats[axis]);
  }
  return shape::make(extents);
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  TROUPE_TRY(const auto repeats, context.input_ints(1, "the repeats"));
  TROUPE_TRY(const shape dims, tiled(context.step(), context.input_dims(0), repeats));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

/// One copy from a tensor of shape `given`: each repeated axis becomes two, the others join their neighbours.
result<void> add_repeats(lowering_context& context, const shape& given, const std::vector<std::int64_t>& repeats,
                         dispatch_operand from, dispatch_operand to) {
  const auto strides = given.strides();
  std::vector<std::int64_t> extents;
  strided_walk walk;
  bool joins = false;
  for (std::size_t axis = 0; axis < given.rank(); ++axis) {
    if (repeats[axis] != 1) {
      walk.first.strides[extents.size()] = 0;
      extents.push_back(repeats[axis]);
      joins = false;
    }
    if (joins) {
      extents.back() *= given[axis];
    } else {
      extents.push_back(given[axis]);
    }
    walk.first.strides[extents.size() - 1] = strides[axis];
    joins = true;
  }
  TROUPE_TRY(walk.extents, shape::make(extents));
  walk.second.strides = walk.extents.strides();
  return add_copy(context, from, to, walk);
}

result<void> lower(lowering_context& context) {
  const node& step = context.step();
  TROUPE_TRY(const auto listed, node_view(context).ints("repeats", 1));
  std::vector<std::int64_t> left = *listed;
  shape current = context.input_dims(0);
  TROUPE_CHECK(shader_count(step, context.output_dims(0)));
  if (current == context.output_dims(0)) {
    context.alias(0, 0);
    return {};
  }
  dispatch_operand from = context.read(0);
  while (current != context.output_dims(0)) {
    std::vector<std::int64_t> now(left.size(), 1);  // the innermost axes first: the copies stay small
    std::size_t taken = 0;
    for (std::size_t axis = left.size(); axis-- > 0 && taken < repeats_per_copy;)
      if (left[axis] != 1) {
        std::swap(now[axis], left[axis]);
        ++taken;
      }
    TROUPE_TRY(const shape next, tiled(step, current, now));
    const bool last = next == context.output_dims(0);
    const dispatch_operand to = last ? context.write(0) : dispatch_operand{context.scratch(next.elements()), true};
    TROUPE_CHECK(add_repeats(context, current, now, from, to));
    current = next;
    from = {to.slot, false};
  }
  return {};
}

}  // namespace

operator_definition tile_operator() {
  return {.name = "Tile",
          .since_version = 6,
          .host_inputs = {1},
          .infer = infer,
          .reference = tile_reference,
          .lower = lower};
}

}  // namespace troupe
