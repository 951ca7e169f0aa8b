// Add, Sub, Mul, Div, Mod, Pow, PRelu, and the variadic Sum, Mean, Min, Max: element by element, operands broadcast to
// each other.
#include "kernels/binary.hpp"

#include "kernels/channel_blocks.hpp"
#include "kernels/definitions.hpp"
#include "kernels/strided.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> binary_reference(reference_context&);

namespace {

struct binary_kind {
  std::string_view op;
  binary_function function;
  int since_version;  // of the broadcasting of today
  bool variadic;
};

constexpr binary_kind kinds[] = {
    {"Add", binary_function::add, 7, false},
    {"Sub", binary_function::sub, 7, false},
    {"Mul", binary_function::mul, 7, false},
    {"Div", binary_function::div, 7, false},
    {"Pow", binary_function::pow, 7, false},
    {"PRelu", binary_function::prelu, 7, false},
    {"Min", binary_function::min, 1, true},
    {"Max", binary_function::max, 1, true},
    {"Sum", binary_function::add, 1, true},
    {"Mean", binary_function::average, 1, true},
    {"Mod", binary_function::floor_modulo, 10, false},
};

const binary_kind& kind_of(std::string_view op) {
  for (const binary_kind& kind : kinds)
    if (kind.op == op) return kind;
  return kinds[0];
}

constexpr std::size_t operands_max = 4096;

result<void> infer(infer_context& context) {
  const binary_kind& kind = kind_of(context.step().op);
  const std::size_t count = kind.variadic ? context.input_count() : 2;
  TROUPE_CHECK(context.expect_inputs(std::max<std::size_t>(count, 1), kind.variadic ? operands_max : 2));
  const dtype type = context.input_type(0);
  shape dims = context.input_dims(0);
  for (std::size_t i = 0; i < count; ++i) {
    const dtype other = context.input_type(i);
    // The exponent of Pow may be of another type than the base.
    if (other == dtype::boolean || (other != type && kind.function != binary_function::pow))
      return fail(errc::invalid_argument, "{} is not defined for operands of types {} and {}",
                  context.step().describe(), to_string(type), to_string(other));
    TROUPE_TRY(dims, broadcast(dims, context.input_dims(i)));
  }
  if (binary_function_of(context.step()) == binary_function::floor_modulo && is_float(type))
    return fail(errc::invalid_argument, "{} divides {} without fmod = 1, which only integers may",
                context.step().describe(), to_string(type));
  if (kind.function == binary_function::average && !is_float(type))
    return fail(errc::invalid_argument, "{} is not defined for {}", context.step().describe(), to_string(type));
  if (kind.function == binary_function::prelu && dims != context.input_dims(0))
    return fail(errc::invalid_argument, "the slope {} of {} does not broadcast to its operand {}",
                context.input_dims(1).to_string(), context.step().describe(), context.input_dims(0).to_string());
  context.set_output(0, type, dims);
  return {};
}

/// An operand of a dispatch with the shape that its memory has.
struct shaped_operand {
  dispatch_operand memory;
  shape dims;
};

result<void> add_binary(lowering_context& context, binary_function function, const shaped_operand& first,
                        const shaped_operand& second, const shaped_operand& target) {
  const strided_walk walk{.extents = target.dims,
                          .first = {.base = 0, .strides = broadcast_strides(first.dims, target.dims)},
                          .second = {.base = 0, .strides = broadcast_strides(second.dims, target.dims)}};
  TROUPE_TRY(const packed_walk packed, pack(context.step(), walk));
  // Only a mean needs their number; every value of a constant is another pipeline.
  const auto operands = function == binary_function::average ? static_cast<std::uint32_t>(context.input_count()) : 2u;
  context.add({.shader = "binary",
               .operands = {first.memory, second.memory, target.memory},
               .push_constants = push_bytes(packed.block),
               .specialization = {static_cast<std::uint32_t>(function), static_cast<std::uint32_t>(packed.first),
                                  static_cast<std::uint32_t>(packed.second), operands},
               .groups = groups_for(packed.block.count, 64, context.traits())});
  return {};
}

/// From left to right; what is between two dispatches lies in scratch memory, in two blocks that take turns.
result<void> lower(lowering_context& context) {
  const shape& dims = context.output_dims(0);
  if (dims.elements() == 0) return {};
  if (context.input_count() == 1) {
    context.alias(0, 0);
    return {};
  }
  const binary_function function = binary_function_of(context.step());
  const std::size_t steps = context.input_count() - 1;
  std::uint32_t between[2] = {};
  for (std::size_t i = 0; i < std::min<std::size_t>(steps - 1, 2); ++i)
    between[i] = context.scratch(stored_elements(context.output_layout(0), dims));

  // In blocks, shapes are those of the memory: the walk is the same.
  const bool in_blocks = context.output_layout(0) == memory_layout::blocks;
  const shape target_dims = in_blocks ? blocks_view(dims) : dims;
  const auto operand_dims = [&](std::size_t i) {
    return in_blocks ? blocks_view_for(context.input_dims(i), context.input_layout(i), dims) : context.input_dims(i);
  };
  shaped_operand left{context.read(0), operand_dims(0)};
  for (std::size_t i = 0; i < steps; ++i) {
    const shaped_operand right{context.read(i + 1), operand_dims(i + 1)};
    const bool last = i + 1 == steps;
    const shaped_operand target{last ? context.write(0) : dispatch_operand{between[i % 2], true}, target_dims};
    const bool adds = function == binary_function::average && !last;
    TROUPE_CHECK(add_binary(context, adds ? binary_function::add : function, left, right, target));
    left = {{target.memory.slot, false}, target_dims};
  }
  return {};
}

/// True when f(0, 0) is 0, so that channels which are not there stay zeros.
bool keeps_zeros(binary_function function) {
  switch (function) {
    case binary_function::div:
    case binary_function::pow:
    case binary_function::floor_modulo:
    case binary_function::fmod: return false;
    default: return true;
  }
}

/// Operands with all channels lie in blocks as the result does; what is repeated over the channels, or has one number
/// for each and nothing else, is read as it is.
layout_offer layouts(const lowering_context& context) {
  const shape& dims = context.output_dims(0);
  if (!has_blocks(dims) || dims.rank() >= limits::rank_max || context.input_count() < 2) return {};
  layout_offer offer{.when = layout_offer::mode::follow, .outputs = {true}};
  const bool full = dims[1] % 8 == 0;
  if (!full && !keeps_zeros(binary_function_of(context.step()))) return {};
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const shape& operand = context.input_dims(i);
    const bool blocks = operand.rank() == dims.rank() && operand[1] == dims[1];
    if (!blocks && !(full && reads_beside_blocks(operand, dims))) return {};
    offer.inputs.push_back(blocks);
  }
  return offer;
}

operator_definition binary(std::string_view op) {
  return {.name = op,
          .since_version = kind_of(op).since_version,
          .infer = infer,
          .reference = binary_reference,
          .lower = lower,
          .layouts = layouts};
}

}  // namespace

binary_function binary_function_of(const node& step) {
  const binary_function function = kind_of(step.op).function;
  const bool truncates = function == binary_function::floor_modulo && step.int_or("fmod", 0) != 0;
  return truncates ? binary_function::fmod : function;
}

operator_definition add_operator() {
  return binary("Add");
}
operator_definition sub_operator() {
  return binary("Sub");
}
operator_definition mul_operator() {
  return binary("Mul");
}
operator_definition div_operator() {
  return binary("Div");
}
operator_definition pow_operator() {
  return binary("Pow");
}
operator_definition prelu_operator() {
  return binary("PRelu");
}
operator_definition mean_operator() {
  return binary("Mean");
}
/// On the host: a quotient rounded to fp32, which is all that a device has, does not tell the remainder.
operator_definition mod_operator() {
  auto definition = binary("Mod");
  definition.lower = nullptr;
  return definition;
}
operator_definition min_operator() {
  return binary("Min");
}
operator_definition max_operator() {
  return binary("Max");
}
operator_definition sum_operator() {
  return binary("Sum");
}

}  // namespace troupe
