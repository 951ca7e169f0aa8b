#include "kernels/recurrent.hpp"

#include <algorithm>
#include <cmath>

namespace troupe {
namespace {

double apply(const gate_activation& gate, double x) {
  switch (gate.function) {
    case gate_function::relu: return std::max(x, 0.0);
    case gate_function::tanh: return std::tanh(x);
    case gate_function::sigmoid: return 1 / (1 + std::exp(-x));
    case gate_function::affine: return gate.alpha * x + gate.beta;
    case gate_function::leaky_relu: return x < 0 ? gate.alpha * x : x;
    case gate_function::thresholded_relu: return x > gate.alpha ? x : 0;
    case gate_function::scaled_tanh: return gate.alpha * std::tanh(gate.beta * x);
    case gate_function::hard_sigmoid: return std::clamp(gate.alpha * x + gate.beta, 0.0, 1.0);
    case gate_function::elu: return x < 0 ? gate.alpha * std::expm1(x) : x;
    case gate_function::softsign: return x / (1 + std::abs(x));
    case gate_function::softplus: return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  }
  return x;
}

using numbers = std::vector<double>;

struct operands {
  std::vector<float> x, w, r, bias, initial_h, initial_c, peepholes;
  std::vector<std::int64_t> lengths;
};

result<operands> read_operands(reference_context& context, const recurrent_plan& plan) {
  operands made;
  TROUPE_TRY(made.x, context.input_floats(0));
  TROUPE_TRY(made.w, context.input_floats(1));
  TROUPE_TRY(made.r, context.input_floats(2));
  const auto optional = [&](std::size_t i, std::vector<float>& target, std::int64_t count) -> result<void> {
    target.assign(static_cast<std::size_t>(count), 0.0f);
    if (!context.has_input(i)) return {};
    TROUPE_TRY(target, context.input_floats(i));
    return {};
  };
  const std::int64_t states = plan.directions * plan.batch * plan.hidden;
  TROUPE_CHECK(optional(3, made.bias, plan.directions * 2 * plan.gates * plan.hidden));
  TROUPE_CHECK(optional(5, made.initial_h, states));
  TROUPE_CHECK(optional(6, made.initial_c, states));
  TROUPE_CHECK(optional(7, made.peepholes, plan.directions * 3 * plan.hidden));
  made.lengths.assign(static_cast<std::size_t>(plan.batch), plan.steps);
  if (context.has_input(4)) {
    TROUPE_TRY(made.lengths, context.input_ints(4));
  }
  for (std::int64_t& length : made.lengths) length = std::clamp<std::int64_t>(length, 0, plan.steps);
  return made;
}

/// One direction of one row of the batch.
class row_runner {
public:
  row_runner(const recurrent_plan& plan, const operands& given, std::int64_t direction)
      : plan_(plan),
        given_(given),
        units_(static_cast<std::size_t>(plan.hidden)),
        inputs_(static_cast<std::size_t>(plan.inputs)),
        gates_(static_cast<std::size_t>(plan.gates)),
        direction_(static_cast<std::size_t>(direction)),
        h(units_),
        c(units_) {}

  void step(const float* x) {
    const numbers from_x = product(given_.w, x, inputs_, 0);
    switch (plan_.cell) {
      case recurrent_cell::rnn: return step_rnn(from_x);
      case recurrent_cell::lstm: return step_lstm(from_x);
      case recurrent_cell::gru: return step_gru(from_x);
    }
  }

private:
  /// [gates x units] of weights times x, plus the first or second half of the biases.
  template <class Value>
  numbers product(const std::vector<float>& weights, const Value* x, std::size_t length, std::size_t half) const {
    const std::size_t rows = gates_ * units_;
    numbers made(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      double sum = given_.bias[(direction_ * 2 + half) * rows + row];
      for (std::size_t k = 0; k < length; ++k)
        sum += static_cast<double>(weights[(direction_ * rows + row) * length + k]) * x[k];
      made[row] = sum;
    }
    return made;
  }

  double activate(std::size_t place, double x) const {
    const double bounded = plan_.clip > 0 ? std::clamp<double>(x, -plan_.clip, plan_.clip) : x;
    return apply(plan_.activations[direction_][place], bounded);
  }

  void step_rnn(const numbers& from_x) {
    const numbers from_h = product(given_.r, h.data(), units_, 1);
    for (std::size_t j = 0; j < units_; ++j) h[j] = activate(0, from_x[j] + from_h[j]);
  }

  void step_lstm(const numbers& from_x) {
    const numbers from_h = product(given_.r, h.data(), units_, 1);
    const auto sum = [&](std::size_t gate, std::size_t j) {
      return from_x[gate * units_ + j] + from_h[gate * units_ + j];
    };
    const auto peephole = [&](std::size_t gate, std::size_t j) {
      return static_cast<double>(given_.peepholes[(direction_ * 3 + gate) * units_ + j]);
    };
    for (std::size_t j = 0; j < units_; ++j) {
      const double in = activate(0, sum(0, j) + peephole(0, j) * c[j]);
      const double forget = plan_.couples_forget ? 1 - in : activate(0, sum(2, j) + peephole(2, j) * c[j]);
      c[j] = forget * c[j] + in * activate(1, sum(3, j));
      h[j] = activate(0, sum(1, j) + peephole(1, j) * c[j]) * activate(2, c[j]);
    }
  }

  void step_gru(const numbers& from_x) {
    const numbers from_h = product(given_.r, h.data(), units_, 1);
    numbers update(units_), reset(units_), candidate(units_);
    for (std::size_t j = 0; j < units_; ++j) {
      update[j] = activate(0, from_x[j] + from_h[j]);
      reset[j] = activate(0, from_x[units_ + j] + from_h[units_ + j]);
    }
    numbers reset_h(units_);
    for (std::size_t j = 0; j < units_; ++j) reset_h[j] = reset[j] * h[j];
    const numbers after_reset = product(given_.r, reset_h.data(), units_, 1);
    for (std::size_t j = 0; j < units_; ++j) {
      const std::size_t k = 2 * units_ + j;
      candidate[j] = activate(1, from_x[k] + (plan_.reset_after ? reset[j] * from_h[k] : after_reset[k]));
    }
    for (std::size_t j = 0; j < units_; ++j) h[j] = (1 - update[j]) * candidate[j] + update[j] * h[j];
  }

  const recurrent_plan& plan_;
  const operands& given_;
  std::size_t units_, inputs_, gates_, direction_;

public:
  numbers h, c;
};

}  // namespace

result<void> recurrent_reference(reference_context& context) {
  TROUPE_TRY(const recurrent_plan plan, read_recurrent(node_view(context)));
  TROUPE_TRY(const operands given, read_operands(context, plan));
  const auto state_place = [&](std::int64_t direction, std::int64_t row) {
    return static_cast<std::size_t>(
        (plan.batch_first ? row * plan.directions + direction : direction * plan.batch + row) * plan.hidden);
  };
  const auto step_place = [&](std::int64_t time, std::int64_t direction, std::int64_t row) {
    const std::int64_t index = plan.batch_first ? (row * plan.steps + time) * plan.directions + direction
                                                : (time * plan.directions + direction) * plan.batch + row;
    return static_cast<std::size_t>(index * plan.hidden);
  };
  const auto units = static_cast<std::size_t>(plan.hidden);
  std::vector<float> y(static_cast<std::size_t>(plan.sequence_dims.elements()), 0.0f);
  std::vector<float> last_h(static_cast<std::size_t>(plan.state_dims.elements())), last_c(last_h.size());
  for (std::int64_t direction = 0; direction < plan.directions; ++direction)
    for (std::int64_t row = 0; row < plan.batch; ++row) {
      row_runner runner(plan, given, direction);
      const std::size_t state = state_place(direction, row);
      for (std::size_t j = 0; j < units; ++j) {
        runner.h[j] = given.initial_h[state + j];
        runner.c[j] = given.initial_c[state + j];
      }
      const std::int64_t length = given.lengths[static_cast<std::size_t>(row)];
      for (std::int64_t step = 0; step < length; ++step) {
        const bool reversed = direction == 1 || plan.first_reversed;
        const std::int64_t time = reversed ? length - 1 - step : step;
        const std::int64_t x = plan.batch_first ? row * plan.steps + time : time * plan.batch + row;
        runner.step(given.x.data() + x * plan.inputs);
        for (std::size_t j = 0; j < units; ++j)
          y[step_place(time, direction, row) + j] = static_cast<float>(runner.h[j]);
      }
      for (std::size_t j = 0; j < units; ++j) {
        last_h[state + j] = static_cast<float>(runner.h[j]);
        last_c[state + j] = static_cast<float>(runner.c[j]);
      }
    }
  if (context.wants_output(0)) TROUPE_CHECK(context.set_output_floats(0, y));
  if (context.wants_output(1)) TROUPE_CHECK(context.set_output_floats(1, last_h));
  if (context.wants_output(2)) TROUPE_CHECK(context.set_output_floats(2, last_c));
  return {};
}

}  // namespace troupe
