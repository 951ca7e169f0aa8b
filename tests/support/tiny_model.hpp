// Small GGUF models of every architecture, with random weights: enough to see whether a graph is sound and its rows
// independent, not whether it is the right one.
#pragma once

#include "support/block_weights.hpp"
#include "support/gguf_builder.hpp"

namespace troupe::test {

struct tiny_model {
  std::string architecture = "llama";
  block_format format = block_format::f16;
  std::uint64_t seed = 1;
  std::uint64_t width = 64, heads = 4, kv_heads = 2, head_size = 16, feed_forward = 96, vocabulary = 128, layers = 3;
  std::uint64_t experts = 0, experts_used = 0, shared_expert = 0;
  bool fused_qkv = false, fused_gate = false, biases = false, head_norms = false, post_norms = false;
  bool tied = false, rotary_factors = false;

  gguf_builder build() const {
    gguf_builder made;
    add_metadata(made);
    random_source random(seed);
    std::uint64_t next_seed = seed * 1000;
    const auto matrix = [&](const std::string& name, std::vector<std::uint64_t> extents) {
      std::uint64_t rows = 1;
      for (std::size_t i = 0; i + 1 < extents.size(); ++i) rows *= extents[i];
      // Products of rows of size 1 with a sum of `columns` such weights stay of size 1.
      made.tensor(name, extents, static_cast<std::uint32_t>(format), scaled_blocks(rows, extents.back(), ++next_seed));
    };
    const auto vector = [&](const std::string& name, std::uint64_t length, float low, float high) {
      std::vector<float> values(length);
      for (float& value : values) value = random.uniform(low, high);
      made.floats(name, {length}, values);
    };
    const std::uint64_t q = heads * head_size, kv = kv_heads * head_size;
    matrix("token_embd.weight", {vocabulary, width});
    if (!tied) matrix("output.weight", {vocabulary, width});
    vector("output_norm.weight", width, 0.5f, 1.5f);
    if (rotary_factors) {
      vector(architecture == "phi3" ? "rope_factors_short.weight" : "rope_freqs.weight", head_size / 2, 1, 4);
    }
    for (std::uint64_t layer = 0; layer < layers; ++layer) {
      const std::string in = "blk." + std::to_string(layer) + ".";
      vector(in + "attn_norm.weight", width, 0.5f, 1.5f);
      vector(in + "ffn_norm.weight", width, 0.5f, 1.5f);
      if (fused_qkv) matrix(in + "attn_qkv.weight", {q + 2 * kv, width});
      for (const auto& [part, rows] : {std::pair{"attn_q", q}, {"attn_k", kv}, {"attn_v", kv}}) {
        if (!fused_qkv) matrix(in + part + ".weight", {rows, width});
        if (biases) vector(in + part + ".bias", rows, -0.5f, 0.5f);
      }
      matrix(in + "attn_output.weight", {width, q});
      if (head_norms) {
        vector(in + "attn_q_norm.weight", head_size, 0.5f, 1.5f);
        vector(in + "attn_k_norm.weight", head_size, 0.5f, 1.5f);
      }
      if (post_norms) {
        vector(in + "post_attention_norm.weight", width, 0.5f, 1.5f);
        vector(in + "post_ffw_norm.weight", width, 0.5f, 1.5f);
      }
      if (experts > 0) {
        vector_matrix(made, random, in + "ffn_gate_inp.weight", experts);
        matrix(in + "ffn_gate_exps.weight", {experts, feed_forward, width});
        matrix(in + "ffn_up_exps.weight", {experts, feed_forward, width});
        matrix(in + "ffn_down_exps.weight", {experts, width, feed_forward});
      } else {
        if (!fused_gate) matrix(in + "ffn_gate.weight", {feed_forward, width});
        matrix(in + "ffn_up.weight", {fused_gate ? 2 * feed_forward : feed_forward, width});
        matrix(in + "ffn_down.weight", {width, feed_forward});
      }
      if (shared_expert > 0) {
        vector(in + "ffn_gate_inp_shexp.weight", width, -0.5f, 0.5f);
        matrix(in + "ffn_gate_shexp.weight", {shared_expert, width});
        matrix(in + "ffn_up_shexp.weight", {shared_expert, width});
        matrix(in + "ffn_down_shexp.weight", {width, shared_expert});
      }
    }
    return made;
  }

private:
  static void vector_matrix(gguf_builder& made, random_source& random, const std::string& name, std::uint64_t rows,
                            std::uint64_t columns) {
    std::vector<float> values(rows * columns);
    for (float& value : values) value = random.uniform(-0.5f, 0.5f);
    made.floats(name, {rows, columns}, values);
  }
  void vector_matrix(gguf_builder& made, random_source& random, const std::string& name, std::uint64_t rows) const {
    vector_matrix(made, random, name, rows, width);
  }

  /// Random blocks; those of one element are made smaller, so that sums over a row stay of size 1.
  std::vector<std::byte> scaled_blocks(std::uint64_t rows, std::uint64_t columns, std::uint64_t block_seed) const {
    const troupe::tensor raw =
        random_blocks(format, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), block_seed);
    std::vector<std::byte> bytes(raw.bytes().begin(), raw.bytes().end());
    if (format != block_format::f16) return bytes;
    for (std::size_t at = 0; at < bytes.size(); at += 2) {
      float16 value;
      std::memcpy(&value, bytes.data() + at, 2);
      value = to_float16(to_float(value) * 0.25f);
      std::memcpy(bytes.data() + at, &value, 2);
    }
    return bytes;
  }

  void add_metadata(gguf_builder& made) const {
    const auto key = [&](const std::string& rest) { return architecture + rest; };
    const auto number = [&](const std::string& rest, std::uint64_t value) {
      made.value(key(rest), static_cast<std::uint32_t>(value));
    };
    made.text("general.architecture", architecture).text("general.name", "tiny " + architecture);
    number(".context_length", 256);
    number(".embedding_length", width);
    number(".block_count", layers);
    number(".feed_forward_length", feed_forward);
    number(".attention.head_count", heads);
    number(".attention.head_count_kv", kv_heads);
    number(".attention.key_length", head_size);
    number(".attention.value_length", head_size);
    number(".rope.dimension_count", head_size);
    made.value(key(".rope.freq_base"), 10000.0f).value(key(".attention.layer_norm_rms_epsilon"), 1e-5f);
    if (experts > 0) {
      number(".expert_count", experts);
      number(".expert_used_count", experts_used);
      number(".expert_feed_forward_length", feed_forward);
    }
    if (shared_expert > 0) number(".expert_shared_feed_forward_length", shared_expert);
    if (post_norms) number(".attention.sliding_window", 8);
    made.value("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  }
};

/// One of every architecture, in shapes that their builders treat differently.
inline std::vector<tiny_model> tiny_models() {
  return {
      {.architecture = "llama", .rotary_factors = true},
      {.architecture = "llama", .format = block_format::q8_0, .seed = 2, .biases = true, .tied = true},
      {.architecture = "llama", .seed = 3, .experts = 4, .experts_used = 2},
      {.architecture = "qwen2", .seed = 4, .biases = true, .tied = true},
      {.architecture = "qwen2moe", .seed = 5, .experts = 6, .experts_used = 3, .shared_expert = 128, .biases = true},
      {.architecture = "qwen3", .seed = 6, .head_norms = true},
      {.architecture = "qwen3moe", .seed = 7, .experts = 4, .experts_used = 1, .head_norms = true},
      {.architecture = "gemma2", .seed = 8, .post_norms = true, .tied = true},
      {.architecture = "gemma3", .seed = 9, .layers = 7, .head_norms = true, .post_norms = true, .tied = true},
      {.architecture = "phi3", .seed = 10, .fused_qkv = true, .fused_gate = true, .rotary_factors = true}};
}

inline gguf_file open_tiny(const gguf_builder& made) {
  return need(parse_gguf(made.build().bytes));
}

}  // namespace troupe::test
