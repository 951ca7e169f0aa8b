#include "kernels/depth_to_space.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> block_shuffle_reference(reference_context&);

namespace {

constexpr std::int64_t block_max = 1 << 15;  // its square stays small

result<block_shuffle> depth_to_space(const node& step, const shape& dims, std::int64_t block) {
  const std::string mode = step.string_or("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return fail(errc::invalid_argument, "mode of {} is \"{}\"; DCR or CRD is needed", step.describe(), mode);
  const std::int64_t channels = dims[1] / (block * block);
  if (channels * block * block != dims[1])
    return fail(errc::invalid_argument, "{} makes blocks of {} x {} positions of {} channels, which do not divide",
                step.describe(), block, block, dims[1]);
  const std::int64_t output[] = {dims[0], channels, dims[2] * block, dims[3] * block};
  block_shuffle made;
  TROUPE_TRY(made.output, shape::make(output));
  const std::int64_t plane = dims[2] * dims[3];
  // DCR: channels count (row in the block, column in the block, channel); CRD: (channel, row, column).
  const std::int64_t channel = mode == "DCR" ? plane : block * block * plane;
  const std::int64_t column = mode == "DCR" ? channels * plane : plane;
  made.walk.extents = {dims[0], channels, dims[2], block, dims[3], block};
  made.walk.first.strides = {dims[1] * plane, channel, dims[3], column * block, 1, column};
  made.walk.second.strides = made.walk.extents.strides();
  return made;
}

result<block_shuffle> space_to_depth(const node& step, const shape& dims, std::int64_t block) {
  if (dims[2] % block != 0 || dims[3] % block != 0)
    return fail(errc::invalid_argument, "{} cuts {} x {} positions into blocks of {} x {}, which do not divide",
                step.describe(), dims[2], dims[3], block, block);
  const std::int64_t rows = dims[2] / block, columns = dims[3] / block;
  const std::int64_t depth = dims[1] > limits::elements_max / (block * block) ? -1 : dims[1] * block * block;
  const std::int64_t output[] = {dims[0], depth, rows, columns};
  block_shuffle made;
  TROUPE_TRY(made.output, shape::make(output));
  const std::int64_t plane = dims[2] * dims[3];
  made.walk.extents = {dims[0], block, block, dims[1], rows, columns};
  made.walk.first.strides = {dims[1] * plane, dims[3], 1, plane, block * dims[3], block};
  made.walk.second.strides = made.walk.extents.strides();
  return made;
}

result<void> infer(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_TRY(const auto plan, block_shuffle_of(context.step(), context.input_dims(0)));
  context.set_output(0, context.input_type(0), plan.output);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_CHECK(shader_count(context.step(), context.input_dims(0)));
  TROUPE_TRY(const auto plan, block_shuffle_of(context.step(), context.input_dims(0)));
  return add_copy(context, context.read(0), context.write(0), plan.walk);
}

operator_definition shuffle(std::string_view op) {
  return {.name = op, .infer = infer, .reference = block_shuffle_reference, .lower = lower};
}

}  // namespace

result<block_shuffle> block_shuffle_of(const node& step, const shape& dims) {
  if (dims.rank() != 4)
    return fail(errc::invalid_argument, "the operand {} of {} must be [N, C, H, W]", dims.to_string(), step.describe());
  const std::int64_t block = step.int_or("blocksize", 0);
  if (block < 1 || block > block_max)
    return fail(errc::invalid_argument, "blocksize of {} is {} or missing; 1 to {} are allowed", step.describe(), block,
                block_max);
  return step.op == "DepthToSpace" ? depth_to_space(step, dims, block) : space_to_depth(step, dims, block);
}

operator_definition depth_to_space_operator() {
  return shuffle("DepthToSpace");
}

operator_definition space_to_depth_operator() {
  return shuffle("SpaceToDepth");
}

}  // namespace troupe
