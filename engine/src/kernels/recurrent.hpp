// What RNN, LSTM and GRU have in common: their operands, attributes and the functions of their gates.
#pragma once

#include <vector>

#include "kernels/node_view.hpp"

namespace troupe {

/// Numbered as in recurrent.comp.
enum class gate_function : std::uint32_t {
  relu = 0,
  tanh = 1,
  sigmoid = 2,
  affine = 3,
  leaky_relu = 4,
  thresholded_relu = 5,
  scaled_tanh = 6,
  hard_sigmoid = 7,
  elu = 8,
  softsign = 9,
  softplus = 10,
};

struct gate_activation {
  gate_function function = gate_function::tanh;
  float alpha = 0, beta = 0;
};

enum class recurrent_cell { rnn, lstm, gru };

struct recurrent_plan {
  recurrent_cell cell = recurrent_cell::rnn;
  std::int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  std::int64_t directions = 1;
  std::int64_t gates = 1;       ///< RNN 1, GRU 3 (update, reset, hidden), LSTM 4 (input, output, forget, cell)
  bool first_reversed = false;  ///< direction 0 reads the sequence from its end; direction 1 always does
  bool batch_first = false;     ///< layout 1
  float clip = 0;               ///< bound of what enters an activation; 0: none
  bool reset_after = false;     ///< GRU's linear_before_reset
  bool couples_forget = false;  ///< LSTM's input_forget: the forget gate is one minus the input gate
  /// For each direction: RNN f; GRU f (update and reset), g (hidden); LSTM f (gates), g (cell), h (result).
  std::vector<std::vector<gate_activation>> activations;
  shape sequence_dims, state_dims;  ///< of Y, and of each last state
};

/// Operands: 0 X, 1 W, 2 R, 3 B, 4 sequence lengths, 5 initial h, and for LSTM 6 initial c, 7 peepholes. Everything but
/// element types and the contents of the lengths is checked.
result<recurrent_plan> read_recurrent(const node_view& view);

}  // namespace troupe
