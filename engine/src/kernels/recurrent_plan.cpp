#include <algorithm>
#include <cctype>

#include "kernels/recurrent.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {
namespace {

struct known_function {
  std::string_view name;
  gate_activation defaults;
};

/// ONNX compares names without regard to case.
constexpr known_function functions[] = {{"relu", {gate_function::relu}},
                                        {"tanh", {gate_function::tanh}},
                                        {"sigmoid", {gate_function::sigmoid}},
                                        {"affine", {gate_function::affine, 1.0f, 0.0f}},
                                        {"leakyrelu", {gate_function::leaky_relu, 0.01f, 0.0f}},
                                        {"thresholdedrelu", {gate_function::thresholded_relu, 1.0f, 0.0f}},
                                        {"scaledtanh", {gate_function::scaled_tanh, 1.0f, 1.0f}},
                                        {"hardsigmoid", {gate_function::hard_sigmoid, 0.2f, 0.5f}},
                                        {"elu", {gate_function::elu, 1.0f, 0.0f}},
                                        {"softsign", {gate_function::softsign}},
                                        {"softplus", {gate_function::softplus}}};

bool takes_alpha(gate_function function) {
  switch (function) {
    case gate_function::affine:
    case gate_function::leaky_relu:
    case gate_function::thresholded_relu:
    case gate_function::scaled_tanh:
    case gate_function::hard_sigmoid:
    case gate_function::elu: return true;
    default: return false;
  }
}

bool takes_beta(gate_function function) {
  return function == gate_function::affine || function == gate_function::scaled_tanh ||
         function == gate_function::hard_sigmoid;
}

std::vector<float> floats_or_none(const node& step, std::string_view key) {
  const auto found = step.attributes.find(key);
  if (found == step.attributes.end()) return {};
  const auto* values = std::get_if<std::vector<float>>(&found->second);
  return values ? *values : std::vector<float>();
}

class reader {
public:
  explicit reader(const node_view& view) : view_(view), step_(view.step()) {}

  result<recurrent_plan> read() {
    plan_.cell = step_.op == "LSTM"  ? recurrent_cell::lstm
                 : step_.op == "GRU" ? recurrent_cell::gru
                                     : recurrent_cell::rnn;
    plan_.gates = plan_.cell == recurrent_cell::lstm ? 4 : plan_.cell == recurrent_cell::gru ? 3 : 1;
    TROUPE_CHECK(read_attributes());
    TROUPE_CHECK(read_extents());
    TROUPE_CHECK(check_operands());
    TROUPE_CHECK(read_activations());
    return std::move(plan_);
  }

private:
  result<void> read_attributes() {
    const std::string direction = step_.string_or("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
      return fail(errc::invalid_argument, "direction of {} is \"{}\"; forward, reverse or bidirectional is needed",
                  step_.describe(), direction);
    plan_.directions = direction == "bidirectional" ? 2 : 1;
    plan_.first_reversed = direction == "reverse";
    const std::int64_t layout = step_.int_or("layout", 0);
    if (layout != 0 && layout != 1)
      return fail(errc::invalid_argument, "layout of {} is {}; 0 or 1 is needed", step_.describe(), layout);
    plan_.batch_first = layout == 1;
    plan_.clip = step_.float_or("clip", 0.0f);
    if (!(plan_.clip >= 0))
      return fail(errc::invalid_argument, "clip of {} is {}; a positive bound is needed", step_.describe(), plan_.clip);
    plan_.reset_after = step_.int_or("linear_before_reset", 0) != 0;
    plan_.couples_forget = step_.int_or("input_forget", 0) != 0;
    return {};
  }

  result<void> read_extents() {
    const shape& x = view_.dims(0);
    const shape& w = view_.dims(1);
    const shape& r = view_.dims(2);
    if (x.rank() != 3 || w.rank() != 3 || r.rank() != 3)
      return fail(errc::invalid_argument, "{} has the operands {}, {} and {}; each must have three axes",
                  step_.describe(), x.to_string(), w.to_string(), r.to_string());
    plan_.steps = x[plan_.batch_first ? 1 : 0];
    plan_.batch = x[plan_.batch_first ? 0 : 1];
    plan_.inputs = x[2];
    plan_.hidden = r[2];
    if (const std::int64_t stated = step_.int_or("hidden_size", plan_.hidden); stated != plan_.hidden)
      return fail(errc::invalid_argument, "hidden_size of {} is {}, but its recurrent weights are {}", step_.describe(),
                  stated, r.to_string());
    const std::int64_t directions = plan_.directions;
    const std::int64_t sequence[] = {plan_.batch_first ? plan_.batch : plan_.steps,
                                     plan_.batch_first ? plan_.steps : directions,
                                     plan_.batch_first ? directions : plan_.batch, plan_.hidden};
    TROUPE_TRY(plan_.sequence_dims, shape::make(sequence));
    const std::int64_t state[] = {plan_.batch_first ? plan_.batch : directions,
                                  plan_.batch_first ? directions : plan_.batch, plan_.hidden};
    TROUPE_TRY(plan_.state_dims, shape::make(state));
    return {};
  }

  result<void> expect(std::size_t operand, std::string_view role, std::initializer_list<std::int64_t> extents) const {
    if (!view_.has(operand)) return {};
    TROUPE_TRY(const shape needed, shape::make(std::span(extents.begin(), extents.size())));
    if (view_.dims(operand) == needed) return {};
    return fail(errc::invalid_argument, "the {} of {} are {}; {} is needed for the input {}", role, step_.describe(),
                view_.dims(operand).to_string(), needed.to_string(), view_.dims(0).to_string());
  }

  result<void> check_operands() const {
    const std::int64_t directions = plan_.directions;
    if (plan_.hidden > limits::elements_max / 8)
      return fail(errc::invalid_argument, "{} has {} hidden units", step_.describe(), plan_.hidden);
    const std::int64_t rows = plan_.gates * plan_.hidden;
    TROUPE_CHECK(expect(1, "weights", {directions, rows, plan_.inputs}));
    TROUPE_CHECK(expect(2, "recurrent weights", {directions, rows, plan_.hidden}));
    TROUPE_CHECK(expect(3, "biases", {directions, 2 * rows}));
    TROUPE_CHECK(expect(4, "sequence lengths", {plan_.batch}));
    const auto& state = plan_.state_dims;
    TROUPE_CHECK(expect(5, "initial states", {state[0], state[1], state[2]}));
    TROUPE_CHECK(expect(6, "initial cells", {state[0], state[1], state[2]}));
    return expect(7, "peepholes", {directions, 3 * plan_.hidden});
  }

  result<gate_activation> find(const std::string& asked) const {
    std::string name = asked;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char letter) { return static_cast<char>(std::tolower(static_cast<unsigned char>(letter))); });
    for (const known_function& known : functions)
      if (known.name == name) return known.defaults;
    return fail(errc::unsupported, "{} asks for the activation \"{}\", which Troupe does not know", step_.describe(),
                asked);
  }

  result<void> read_activations() {
    std::vector<std::string> names;
    for (std::int64_t direction = 0; direction < plan_.directions; ++direction) {
      if (plan_.cell != recurrent_cell::rnn) names.push_back("sigmoid");
      names.push_back("tanh");
      if (plan_.cell == recurrent_cell::lstm) names.push_back("tanh");
    }
    const auto found = step_.attributes.find("activations");
    if (found != step_.attributes.end()) {
      const auto* listed = std::get_if<std::vector<std::string>>(&found->second);
      if (!listed || listed->size() != names.size())
        return fail(errc::invalid_argument, "activations of {} must be a list of {} names", step_.describe(),
                    names.size());
      names = *listed;
    }
    const std::vector<float> alphas = floats_or_none(step_, "activation_alpha");
    const std::vector<float> betas = floats_or_none(step_, "activation_beta");
    const std::size_t per_direction = names.size() / static_cast<std::size_t>(plan_.directions);
    // The lists hold numbers for those functions only that take one, in order.
    std::size_t alpha = 0, beta = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      TROUPE_TRY(gate_activation made, find(names[i]));
      if (takes_alpha(made.function) && alpha < alphas.size()) made.alpha = alphas[alpha++];
      if (takes_beta(made.function) && beta < betas.size()) made.beta = betas[beta++];
      if (i % per_direction == 0) plan_.activations.emplace_back();
      plan_.activations.back().push_back(made);
    }
    return {};
  }

  const node_view& view_;
  const node& step_;
  recurrent_plan plan_;
};

}  // namespace

result<recurrent_plan> read_recurrent(const node_view& view) {
  return reader(view).read();
}

}  // namespace troupe
