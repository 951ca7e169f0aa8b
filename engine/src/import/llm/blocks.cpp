#include "import/llm/blocks.hpp"

#include <cmath>

#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {
namespace {

/// Queries, keys and values of normalised rows, side by side; the file has three matrices or one.
result<value_id> add_qkv(model_builder& to, std::int64_t layer, value_id x) {
  const auto& model = to.model();
  const std::int64_t q = model.heads * model.head_size, kv = model.kv_heads * model.head_size;
  const std::string name = in_layer(layer, "attn_qkv");
  std::vector<matrix> weights;
  const auto take = [&](std::string_view tensor, std::int64_t rows) -> result<void> {
    TROUPE_TRY(matrix taken, to.take_matrix(in_layer(layer, tensor), rows, model.width));
    weights.push_back(std::move(taken));
    return {};
  };
  value_id bias = no_value;
  if (to.has(name + ".weight")) {
    TROUPE_CHECK(take("attn_qkv.weight", q + 2 * kv));
    if (to.has(name + ".bias")) {
      TROUPE_TRY(bias, to.take_vector(name + ".bias", q + 2 * kv));
    }
  } else {
    TROUPE_CHECK(take("attn_q.weight", q));
    TROUPE_CHECK(take("attn_k.weight", kv));
    TROUPE_CHECK(take("attn_v.weight", kv));
    TROUPE_TRY(bias, to.take_joined(name + ".bias", {{in_layer(layer, "attn_q.bias"), q},
                                                     {in_layer(layer, "attn_k.bias"), kv},
                                                     {in_layer(layer, "attn_v.bias"), kv}}));
  }
  return to.add_linear(name, x, bias, weights, model.width);
}

/// A product with one matrix and, if the file has one, its bias.
result<value_id> add_product(model_builder& to, const std::string& name, value_id x, std::int64_t rows,
                             std::int64_t columns) {
  TROUPE_TRY(matrix weight, to.take_matrix(name + ".weight", rows, columns));
  value_id bias = no_value;
  if (to.has(name + ".bias")) {
    TROUPE_TRY(bias, to.take_vector(name + ".bias", rows));
  }
  return to.add_linear(name, x, bias, {std::move(weight)}, columns);
}

/// Gate and up as one product, the activation, and down. Tensors are called PREFIX + "_gate" + SUFFIX and so on;
/// without a gate, the matrix "up" holds both.
result<value_id> add_gated(model_builder& to, const std::string& prefix, const std::string& suffix, value_id x,
                           std::int64_t inner, const std::string& activation) {
  const std::int64_t width = to.model().width;
  const auto name = [&](std::string_view part) { return fmt::format("{}_{}{}", prefix, part, suffix); };
  std::vector<matrix> weights;
  value_id bias = no_value;
  if (to.has(name("gate") + ".weight")) {
    for (const std::string_view part : {"gate", "up"}) {
      TROUPE_TRY(matrix taken, to.take_matrix(name(part) + ".weight", inner, width));
      weights.push_back(std::move(taken));
    }
    TROUPE_TRY(bias, to.take_joined(name("gate_up") + ".bias",
                                    {{name("gate") + ".bias", inner}, {name("up") + ".bias", inner}}));
  } else {
    TROUPE_TRY(matrix taken, to.take_matrix(name("up") + ".weight", 2 * inner, width));
    weights.push_back(std::move(taken));
  }
  const value_id both = to.add_linear(name("gate_up"), x, bias, weights, width);
  const value_id gated = to.add_own("GatedActivation", name("gated"), {both}, {{"activation", activation}});
  return add_product(to, name("down"), gated, width, inner);
}

/// What `add` makes of x's normalised rows, normalised once more if that is how the model has it, plus x.
template <class Add>
result<value_id> add_behind_norm(model_builder& to, std::int64_t layer, value_id x, bool post_norm, Add add) {
  const std::int64_t width = to.model().width;
  const std::string name = in_layer(layer, "ffn_norm"), post_name = in_layer(layer, "post_ffw_norm");
  TROUPE_TRY(const value_id normed, to.add_norm(name, name + ".weight", x, width));
  TROUPE_TRY(value_id made, add(normed));
  if (post_norm) {
    TROUPE_TRY(made, to.add_norm(post_name, post_name + ".weight", made, width));
  }
  return to.add_sum(in_layer(layer, "ffn_residual"), x, made);
}

}  // namespace

rotary_angles common_angles(const model_builder& to) {
  return {.size = to.given().rotary_size, .base = to.given().rotary_base, .scaling = to.given().scaling, .factors = {}};
}

result<value_id> add_attention(model_builder& to, std::int64_t layer, value_id x, const attention_settings& settings) {
  const auto& model = to.model();
  const auto name = [&](std::string_view rest) { return in_layer(layer, rest); };
  TROUPE_TRY(const value_id table, to.add_rotary_table(settings.rotary_name, settings.rotary));
  value_id query_norm = no_value, key_norm = no_value;
  if (settings.head_norms) {
    TROUPE_TRY(query_norm, to.take_vector(name("attn_q_norm.weight"), model.head_size));
    TROUPE_TRY(key_norm, to.take_vector(name("attn_k_norm.weight"), model.head_size));
  }
  TROUPE_TRY(const value_id normed, to.add_norm(name("attn_norm"), name("attn_norm.weight"), x, model.width));
  TROUPE_TRY(const value_id qkv, add_qkv(to, layer, normed));
  const value_id keys = to.add_state(fmt::format("cache_k.{}", layer), to.cache_dims());
  const value_id values = to.add_state(fmt::format("cache_v.{}", layer), to.cache_dims());
  const double scale = settings.scale != 0 ? settings.scale : 1 / std::sqrt(static_cast<double>(model.head_size));
  value_id attended = to.add_own("CachedAttention", name("attention"),
                                 {qkv, to.positions, to.sequences, to.pages, keys, values, query_norm, key_norm, table},
                                 {{"heads", model.heads},
                                  {"kv_heads", model.kv_heads},
                                  {"scale", static_cast<float>(scale)},
                                  {"rotary_size", settings.rotary.size},
                                  {"rotary_halves", std::int64_t{settings.halves}},
                                  {"softcap", static_cast<float>(settings.softcap)},
                                  {"window", settings.window},
                                  {"norm_epsilon", to.given().epsilon}});
  if (to.is_last(layer)) {
    attended = to.add_output_rows(name("attention.rows"), attended);
    x = to.add_output_rows(name("rows"), x);
  }
  TROUPE_TRY(value_id made, add_product(to, name("attn_output"), attended, model.width, model.heads * model.head_size));
  if (settings.post_norm) {
    TROUPE_TRY(made, to.add_norm(name("post_attention_norm"), name("post_attention_norm.weight"), made, model.width));
  }
  return to.add_sum(name("attn_residual"), x, made);
}

result<value_id> add_feed_forward(model_builder& to, std::int64_t layer, value_id x, const std::string& activation,
                                  bool post_norm) {
  return add_behind_norm(to, layer, x, post_norm, [&](value_id normed) {
    return add_gated(to, in_layer(layer, "ffn"), "", normed, to.model().feed_forward, activation);
  });
}

result<value_id> add_experts(model_builder& to, std::int64_t layer, value_id x, const expert_settings& settings) {
  const auto& model = to.model();
  const auto name = [&](std::string_view rest) { return in_layer(layer, rest); };
  const auto chosen_experts = [&](value_id normed) -> result<value_id> {
    TROUPE_TRY(const value_id logits, add_product(to, name("ffn_gate_inp"), normed, model.experts, model.width));
    const auto [ids, weights] =
        to.add_own_pair("ExpertRouter", name("ffn_experts"), "weights", {logits},
                        {{"top", model.experts_used}, {"normalize", std::int64_t{settings.normalize}}});
    std::vector<matrix> inward;
    for (const std::string_view part : {"ffn_gate_exps.weight", "ffn_up_exps.weight"}) {
      TROUPE_TRY(matrix taken, to.take_matrix(name(part), settings.feed_forward, model.width, model.experts));
      inward.push_back(std::move(taken));
    }
    TROUPE_TRY(matrix outward,
               to.take_matrix(name("ffn_down_exps.weight"), model.width, settings.feed_forward, model.experts));
    const value_id both = to.add_expert_linear(name("ffn_gate_up_exps"), normed, ids, inward, model.width);
    const value_id gated =
        to.add_own("GatedActivation", name("ffn_gated_exps"), {both}, {{"activation", std::string("silu")}});
    const value_id each =
        to.add_expert_linear(name("ffn_down_exps"), gated, ids, {std::move(outward)}, settings.feed_forward);
    // Weighted and summed over the experts of a row.
    const std::vector<std::int64_t> last{-1}, experts{1};
    TROUPE_TRY(tensor last_axis, tensor::from<std::int64_t>({1}, last));
    TROUPE_TRY(tensor expert_axis, tensor::from<std::int64_t>({1}, experts));
    const value_id factors = to.add_onnx("Unsqueeze", name("ffn_factors"),
                                         {weights, to.add_constant(name("ffn_factors.axes"), std::move(last_axis))});
    const value_id weighted = to.add_onnx("Mul", name("ffn_weighted"), {each, factors});
    return to.add_onnx("ReduceSum", name("ffn_experts.sum"),
                       {weighted, to.add_constant(name("ffn_experts.axes"), std::move(expert_axis))},
                       {{"keepdims", std::int64_t{0}}});
  };
  return add_behind_norm(to, layer, x, false, [&](value_id normed) -> result<value_id> {
    TROUPE_TRY(value_id made, chosen_experts(normed));
    if (settings.shared == 0) return made;
    TROUPE_TRY(const value_id opening, add_product(to, name("ffn_gate_inp_shexp"), normed, 1, model.width));
    const value_id open = to.add_onnx("Sigmoid", name("ffn_shared_gate"), {opening});
    TROUPE_TRY(const value_id shared, add_gated(to, name("ffn"), "_shexp", normed, settings.shared, "silu"));
    const value_id let_through = to.add_onnx("Mul", name("ffn_shared"), {shared, open});
    return to.add_sum(name("ffn_all"), made, let_through);
  });
}

result<value_id> add_embedding(model_builder& to, double scale) {
  const auto& model = to.model();
  TROUPE_TRY(const matrix table, to.take_matrix("token_embd.weight", model.vocabulary, model.width));
  return to.add_own("EmbeddingRows", "embedding", {to.tokens, table.value},
                    {{"format", table.format}, {"columns", model.width}, {"scale", static_cast<float>(scale)}});
}

result<void> add_head(model_builder& to, value_id x, const language_model_options& options, double softcap) {
  const auto& model = to.model();
  TROUPE_TRY(const value_id normed,
             to.add_norm(options.embeddings ? "embeddings" : "output_norm", "output_norm.weight", x, model.width));
  graph& network = to.network();
  if (options.logits) {
    const std::string tensor = to.has("output.weight") ? "output.weight" : "token_embd.weight";
    TROUPE_TRY(const matrix weight, to.take_matrix(tensor, model.vocabulary, model.width));
    value_id bias = no_value;
    if (to.has("output.bias")) {
      TROUPE_TRY(bias, to.take_vector("output.bias", model.vocabulary));
    }
    const value_id logits = to.add_own("Logits", "logits", {normed, bias, weight.value},
                                       {{"formats", std::vector<std::string>{weight.format}},
                                        {"columns", model.width},
                                        {"softcap", static_cast<float>(softcap)}});
    network.values[logits].dims = {{.extent = -1, .symbol = "outputs"}, {.extent = model.vocabulary, .symbol = {}}};
    network.outputs.push_back(logits);
  }
  if (options.embeddings) {
    network.values[normed].dims = {{.extent = -1, .symbol = "outputs"}, {.extent = model.width, .symbol = {}}};
    network.outputs.push_back(normed);
  }
  return {};
}

result<double> read_softcap(const model_keys& keys, std::string_view key, double fallback) {
  TROUPE_TRY(const double cap, keys.number_or(key, fallback));
  constexpr double most = 1e6;
  if (!(cap >= 0 && cap <= most))
    return fail(errc::invalid_argument, "\"{}\" is {}; 0 to {} is possible", keys.name(key), cap, most);
  return cap;
}

result<void> expect_experts(const model_builder& to, const model_keys& keys) {
  if (to.model().experts > 0) return {};
  return fail(errc::invalid_argument, "the file names no experts (\"{}\")", keys.name(".expert_count"));
}

}  // namespace troupe::llm
