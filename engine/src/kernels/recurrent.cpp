// RNN, LSTM and GRU. One matrix product multiplies the weights with the inputs of all steps; then a dispatch for each
// step (two for the GRU whose reset gate comes before the product) does what depends on the step before. States are
// fp32 from the first step to the last; the products of the inputs are rounded to the storage type once.
#include "kernels/recurrent.hpp"

#include <algorithm>

#include "kernels/definitions.hpp"
#include "kernels/gemm_dispatch.hpp"
#include "kernels/operand_checks.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> recurrent_reference(reference_context&);

namespace {

constexpr std::size_t functions_max = 3;

/// Numbered as in recurrent.comp.
enum class recurrent_phase : std::uint32_t { rnn = 0, lstm = 1, gru = 2, gru_gates = 3, gru_hidden = 4 };

struct parameters {
  std::uint32_t step, steps, batch, hidden, directions;
  std::uint32_t input_step, input_row;  ///< distance of steps and of rows in the products of the inputs
  std::uint32_t target_step, target_row, target_direction;
  std::uint32_t first_reversed;
  float clip;
  float alphas[2 * functions_max], betas[2 * functions_max];
};

struct state_parameters {
  std::uint32_t count, batch, hidden, directions, batch_first, first;
};

/// The dispatches with one mind on which memory they share.
class recurrence {
public:
  recurrence(lowering_context& context, const recurrent_plan& plan) : context_(context), plan_(plan) {}

  result<void> lower() {
    constexpr std::int64_t hidden_max = 60000;  // rounds of one invocation; Mesa 22.3 ends loops after 65,535
    if (plan_.hidden > hidden_max)
      return fail(errc::unsupported, "{} has {} hidden units; at most {} are supported on a device",
                  context_.step().describe(), plan_.hidden, hidden_max);
    const std::int64_t rows = plan_.gates * plan_.hidden;
    const std::int64_t elements = plan_.directions * plan_.steps * plan_.batch * rows;
    if (elements >= std::int64_t{1} << 31)
      return fail(errc::unsupported, "{} has {} products of inputs; a device computes with fewer than {}",
                  context_.step().describe(), elements, std::int64_t{1} << 31);
    products_ = context_.scratch(elements);
    TROUPE_CHECK(add_gemm(context_, {.left = context_.read(0),
                                     .right = context_.read(1),
                                     .target = {products_, true},
                                     .right_transposed = true,
                                     .rows = plan_.steps * plan_.batch,
                                     .inner = plan_.inputs,
                                     .columns = rows,
                                     .batch = {plan_.directions},
                                     .left_strides = {0},
                                     .right_strides = {rows * plan_.inputs}}));
    // Two halves: a step reads the states of the one and writes those of the other.
    states_ = floats(2 * states());
    add_initial(states_, 5);
    const bool has_cells = plan_.cell == recurrent_cell::lstm;
    const bool two_phases = plan_.cell == recurrent_cell::gru && !plan_.reset_after;
    cells_ = has_cells || two_phases ? floats(2 * states()) : states_;
    if (has_cells) add_initial(cells_, 6);
    for (std::int64_t step = 0; step < plan_.steps; ++step) {
      switch (plan_.cell) {
        case recurrent_cell::rnn: add_step(recurrent_phase::rnn, step); break;
        case recurrent_cell::lstm: add_step(recurrent_phase::lstm, step); break;
        case recurrent_cell::gru:
          if (two_phases) add_step(recurrent_phase::gru_gates, step);
          add_step(two_phases ? recurrent_phase::gru_hidden : recurrent_phase::gru, step);
          break;
      }
    }
    if (wants(1)) add_last(states_, plan_.steps % 2 * states(), 1);
    if (has_cells && wants(2)) add_last(cells_, 0, 2);
    return {};
  }

private:
  std::int64_t states() const { return plan_.directions * plan_.batch * plan_.hidden; }

  bool wants(std::size_t output) const {
    const auto& outputs = context_.step().outputs;
    return output < outputs.size() && outputs[output] != no_value;
  }

  std::uint32_t floats(std::int64_t count) {
    return context_.scratch(context_.storage() == dtype::f16 ? 2 * count : count);
  }

  void add_initial(std::uint32_t target, std::size_t operand) {
    const bool given = context_.has_input(operand);
    add_state_copy(0, given, given ? context_.read(operand) : context_.read(0), {target, true}, 0);
  }

  void add_last(std::uint32_t source, std::int64_t first, std::size_t output) {
    add_state_copy(1, true, {source, false}, context_.write(output), first);
  }

  void add_state_copy(std::uint32_t way, bool given, dispatch_operand source, dispatch_operand target,
                      std::int64_t first) {
    context_.add(
        {.shader = "recurrent_state",
         .operands = {source, target},
         .push_constants = push_bytes(state_parameters{as_u32(states()), as_u32(plan_.batch), as_u32(plan_.hidden),
                                                       as_u32(plan_.directions), plan_.batch_first, as_u32(first)}),
         .specialization = {way, given},
         .groups = groups_for(states(), 64, context_.traits())});
  }

  std::uint32_t function_of(std::size_t direction, std::size_t place) const {
    const auto& listed = plan_.activations[std::min(direction, plan_.activations.size() - 1)];
    return place < listed.size() ? static_cast<std::uint32_t>(listed[place].function) : 0;
  }

  void add_step(recurrent_phase phase, std::int64_t step) {
    const std::int64_t unit = plan_.hidden;
    parameters block{.step = as_u32(step),
                     .steps = as_u32(plan_.steps),
                     .batch = as_u32(plan_.batch),
                     .hidden = as_u32(unit),
                     .directions = as_u32(plan_.directions),
                     .input_step = as_u32(plan_.batch_first ? 1 : plan_.batch),
                     .input_row = as_u32(plan_.batch_first ? plan_.steps : 1),
                     .target_step = as_u32(plan_.directions * unit * (plan_.batch_first ? 1 : plan_.batch)),
                     .target_row = as_u32(plan_.batch_first ? plan_.steps * plan_.directions * unit : unit),
                     .target_direction = as_u32(plan_.batch_first ? unit : plan_.batch * unit),
                     .first_reversed = plan_.first_reversed,
                     .clip = plan_.clip,
                     .alphas = {},
                     .betas = {}};
    for (std::size_t direction = 0; direction < plan_.activations.size(); ++direction)
      for (std::size_t place = 0; place < plan_.activations[direction].size(); ++place) {
        block.alphas[direction * functions_max + place] = plan_.activations[direction][place].alpha;
        block.betas[direction * functions_max + place] = plan_.activations[direction][place].beta;
      }
    const bool has_bias = context_.has_input(3), has_lengths = context_.has_input(4),
               has_peepholes = context_.has_input(7);
    const bool has_target = wants(0);
    const dispatch_operand spare = context_.read(2);
    context_.add(
        {.shader = "recurrent",
         .operands = {{products_, false},
                      context_.read(2),
                      has_bias ? context_.read(3) : spare,
                      has_lengths ? context_.read(4) : spare,
                      has_peepholes ? context_.read(7) : spare,
                      {states_, true},
                      {cells_, true},
                      has_target ? context_.write(0) : dispatch_operand{states_, true}},
         .push_constants = push_bytes(block),
         .specialization = {static_cast<std::uint32_t>(phase), has_bias, has_lengths, has_peepholes, has_target,
                            plan_.couples_forget, unit % 8 == 0, function_of(0, 0), function_of(0, 1),
                            function_of(0, 2), function_of(1, 0), function_of(1, 1), function_of(1, 2)},
         .groups = groups_for(states(), 32, context_.traits())});
  }

  lowering_context& context_;
  const recurrent_plan& plan_;
  std::uint32_t products_ = 0, states_ = 0, cells_ = 0;
};

result<void> infer(infer_context& context) {
  const bool is_lstm = context.step().op == "LSTM";
  TROUPE_CHECK(context.expect_inputs(3, is_lstm ? 8 : 6));
  for (std::size_t i = 1; i < 8; ++i) {
    if (i == 4) continue;  // the lengths
    if (!context.has_input(i)) continue;
    if (!is_float(context.input_type(0)) || context.input_type(i) != context.input_type(0))
      return fail(errc::invalid_argument, "operands 0 and {} of {} are {} and {}; one floating-point type is needed", i,
                  context.step().describe(), to_string(context.input_type(0)), to_string(context.input_type(i)));
  }
  if (context.has_input(4) && context.input_type(4) != dtype::i32 && context.input_type(4) != dtype::i64)
    return fail(errc::invalid_argument, "the sequence lengths of {} are {}; int32 is needed", context.step().describe(),
                to_string(context.input_type(4)));
  TROUPE_TRY(const recurrent_plan plan, read_recurrent(node_view(context)));
  if (const tensor* lengths = context.input_value(4)) {
    TROUPE_TRY(const tensor wide, convert(*lengths, dtype::i64));
    for (const std::int64_t length : wide.as<std::int64_t>())
      if (length < 0 || length > plan.steps)
        return fail(errc::invalid_argument, "{} has a sequence of {} steps in an input of {}",
                    context.step().describe(), length, plan.steps);
  }
  context.set_output(0, context.input_type(0), plan.sequence_dims);
  context.set_output(1, context.input_type(0), plan.state_dims);
  if (is_lstm) context.set_output(2, context.input_type(0), plan.state_dims);
  return {};
}

result<void> lower(lowering_context& context) {
  TROUPE_TRY(const recurrent_plan plan, read_recurrent(node_view(context)));
  return recurrence(context, plan).lower();
}

operator_definition recurrent(std::string_view op) {
  return {.name = op,
          .since_version = 7,
          .index_inputs = {4},
          .infer = infer,
          .reference = recurrent_reference,
          .lower = lower};
}

}  // namespace

operator_definition gru_operator() {
  return recurrent("GRU");
}

operator_definition lstm_operator() {
  return recurrent("LSTM");
}

operator_definition rnn_operator() {
  return recurrent("RNN");
}

}  // namespace troupe
