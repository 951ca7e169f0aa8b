// Graphs of language models: what they are made of, what they refuse, and that their rows depend on their sequence
// only.
#include "import/llm/rotary_table.hpp"
#include "support/device_case.hpp"
#include "support/language_run.hpp"
#include "support/tiny_model.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr language_model_options small{.sessions = 2, .context = 64};

const std::vector<std::int32_t> some_tokens{5, 17, 99, 3, 64, 8, 120, 33, 5, 5, 71, 2, 44, 90, 13, 28, 61, 7, 111, 50};

std::string describe(const tiny_model& model) {
  return model.architecture + " with seed " + std::to_string(model.seed);
}

/// The error for what `change` makes of a right file.
template <class Change>
error refusal(const tiny_model& model, Change change, const language_model_options& options = small) {
  gguf_builder made = model.build();
  change(made);
  const auto outcome = build_language_model(open_tiny(made), options);
  if (!outcome) return outcome.error();
  FAIL("the model was not refused");
  return error(errc::internal, "");
}

gguf_builder::tensor_entry& tensor_named(gguf_builder& made, const std::string& name) {
  const auto found = std::find_if(made.tensors.begin(), made.tensors.end(), [&](auto& t) { return t.name == name; });
  REQUIRE(found != made.tensors.end());
  return *found;
}

}  // namespace

TEST_CASE("a language model's graph has the inputs, outputs and states it promises", "[language]") {
  for (const tiny_model& tiny : tiny_models()) {
    CAPTURE(describe(tiny));
    const language_model model = need(build_language_model(
        open_tiny(tiny.build()), {.sessions = 3, .context = 60, .logits = true, .embeddings = true}));
    CHECK(model.parameters.architecture == tiny.architecture);
    CHECK(model.parameters.vocabulary == 128);
    CHECK(model.parameters.trained_context == 256);
    CHECK(model.parameters.end_of_text == std::vector<std::int64_t>{2});
    CHECK(model.context == 64);
    CHECK(model.pages_per_session == 4);
    CHECK(model.cache_pages == 13);
    std::vector<std::string> names;
    for (const value_id id : model.graph.inputs) names.push_back(model.graph.values[id].name);
    CHECK(names == std::vector<std::string>{"tokens", "positions", "sequences", "pages", "output_rows"});
    CHECK(model.graph.values[model.graph.inputs[3]].describe() == "int32[3,4]");
    REQUIRE(model.graph.outputs.size() == 2);
    CHECK(model.graph.values[model.graph.outputs[0]].describe() == "float32[outputs,128]");
    CHECK(model.graph.values[model.graph.outputs[1]].describe() == "float32[outputs,64]");
    REQUIRE(model.graph.states.size() == 2 * tiny.layers);
    CHECK(model.graph.values[model.graph.states[0]].describe() == "float32[13,2,16,16]");
    need(check_operators(model.graph, builtin_operators()));
  }
}

TEST_CASE("weights of a language model share the file's memory", "[language]") {
  const gguf_file file = open_tiny(tiny_model{}.build());
  const language_model model = need(build_language_model(file, small));
  std::size_t shared = 0;
  for (const auto& [id, data] : model.graph.constants)
    for (const gguf_tensor& weights : file.tensors())
      shared += data.type() == dtype::u8 && data.bytes().data() == weights.bytes.data();
  CHECK(shared == 2 + 7 * 3);  // embedding, output, and seven matrices in each layer
}

TEST_CASE("a language model's tokens come in any chunks", "[language]") {
  for (const tiny_model& tiny : tiny_models()) {
    CAPTURE(describe(tiny));
    const language_model model = need(build_language_model(open_tiny(tiny.build()), small));
    language_run whole(model, "reference"), single(model, "reference");
    const auto rows = whole.add(some_tokens, 0, true);
    REQUIRE(rows.size() == some_tokens.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CAPTURE(i);
      CHECK(single.add({some_tokens[i]}, 1).front() == rows[i]);
      for (const float value : rows[i]) REQUIRE(std::isfinite(value));
    }
  }
}

TEST_CASE("a language model's sessions and padding rows do not touch each other", "[language]") {
  const language_model model = need(build_language_model(open_tiny(tiny_model{}.build()), small));
  language_run alone(model, "reference"), together(model, "reference");
  const auto expected = alone.add({5, 6, 7}, 0, true);
  // Rows of two sessions mixed, with padding between.
  const auto made = rows_of(
      together.step({5, 90, 0, 6, 91, 0, 7}, {0, 0, -1, 1, 1, -1, 2}, {0, 1, 0, 0, 1, 1, 0}, {0, 3, 6}).front());
  CHECK(made == expected);
}

TEST_CASE("language models give the same tokens on a Vulkan device as on the reference", "[language][device]") {
  TROUPE_NEEDS_VULKAN();
  for (const tiny_model& tiny : tiny_models()) {
    CAPTURE(describe(tiny));
    const language_model model = need(build_language_model(open_tiny(tiny.build()), small));
    language_run reference(model, "reference"), device(model, ""), single(model, "");
    const auto expected = reference.add(some_tokens, 0, true);
    const auto made = device.add(some_tokens, 0, true);
    logit_error error;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      error.add(made[i], expected[i]);
      // Rounding may exchange two that are as good as equal.
      const auto best = static_cast<std::size_t>(arg_max(made[i]));
      CHECK(expected[i][best] >= expected[i][static_cast<std::size_t>(arg_max(expected[i]))] - 0.05f);
      CHECK(single.add({some_tokens[i]}, 1).front() == made[i]);
    }
    CAPTURE(error.rms(), error.most);
    CHECK(error.rms() < 1e-2);
    CHECK(error.most < 6e-2);
  }
}

TEST_CASE("rotary tables hold cosines and sines of scaled angles", "[language]") {
  const auto at = [](const tensor& table, std::int64_t position, std::int64_t pair) {
    std::array<float, 2> turn;
    std::memcpy(turn.data(), table.bytes().data() + (position * table.dims()[1] + pair * 8), sizeof turn);
    return turn;
  };
  llm::rotary_angles angles{.size = 4, .base = 100, .scaling = {}, .factors = {}};
  const tensor plain = need(llm::rotary_table(angles, 8));
  CHECK(plain.describe() == "uint8[8,16]");
  CHECK(at(plain, 0, 1) == std::array{1.0f, 0.0f});
  CHECK(at(plain, 3, 0)[1] == Approx(std::sin(3.0)));
  CHECK(at(plain, 3, 1)[0] == Approx(std::cos(0.3)));  // 3 * 100^(-2/4)

  angles.factors = {1, 2};
  CHECK(at(need(llm::rotary_table(angles, 8)), 3, 1)[0] == Approx(std::cos(0.15)));
  angles.scaling = {.type = llm::rotary_scaling::kind::linear, .factor = 4, .attention_factor = 1.5};
  CHECK(at(need(llm::rotary_table(angles, 8)), 4, 0)[0] == Approx(1.5 * std::cos(1.0)));

  // Pairs that turn often keep their speed, those that turn less than once over the first context are stretched.
  llm::rotary_angles yarn{.size = 64,
                          .base = 10000,
                          .scaling = {.type = llm::rotary_scaling::kind::yarn, .factor = 8, .original_context = 128},
                          .factors = {}};
  const tensor stretched = need(llm::rotary_table(yarn, 16));
  const double scale = 1 + 0.1 * std::log(8.0);
  CHECK(at(stretched, 10, 0)[1] == Approx(scale * std::sin(10.0)));
  CHECK(at(stretched, 10, 31)[1] == Approx(scale * std::sin(10 * std::pow(10000.0, -62.0 / 64) / 8)));
}

TEST_CASE("language models that cannot be built name what is wrong", "[language]") {
  const tiny_model llama;
  const error other = refusal({.architecture = "rwkv7"}, [](gguf_builder&) {});
  CHECK(other.code() == errc::unsupported);
  CHECK(contains(other.message(), "\"rwkv7\""));
  CHECK(contains(other.message(), "llama"));

  const error missing = refusal(llama, [](gguf_builder& m) { tensor_named(m, "blk.1.ffn_up.weight").name = "other"; });
  CHECK(contains(missing.message(), "the tensor \"blk.1.ffn_up.weight\" is missing"));
  const error shaped = refusal(llama, [](gguf_builder& m) {
    tensor_named(m, "blk.1.attn_k.weight").extents = {32, 64};
  });
  CHECK(contains(shaped.message(), "the tensor \"blk.1.attn_k.weight\" is F16[64,32]; [32,64] is needed"));
  const error norm = refusal(llama, [](gguf_builder& m) {
    auto& weights = tensor_named(m, "output_norm.weight");
    const float infinity = std::numeric_limits<float>::infinity();
    std::memcpy(weights.data.data() + 8, &infinity, 4);
  });
  CHECK(contains(norm.message(), "\"output_norm.weight\" holds a number that is not finite"));
  const error format = refusal({.format = block_format::q8_0}, [](gguf_builder& m) {
    auto& weights = tensor_named(m, "blk.2.ffn_down.weight");
    weights.type = 20;  // IQ4_NL
    weights.data.resize(64 * 96 / 32 * 18);
  });
  CHECK(format.code() == errc::unsupported);
  CHECK(contains(format.message(), "\"blk.2.ffn_down.weight\" has the type IQ4_NL"));
}

TEST_CASE("metadata of language models that makes no sense is refused", "[language]") {
  const auto with = [](tiny_model model) { return refusal(model, [](gguf_builder&) {}).message(); };
  CHECK(contains(with({.heads = 3, .kv_heads = 2}), "cannot share"));
  CHECK(contains(with({.head_size = 15}), "odd"));
  CHECK(contains(with({.layers = 0}), "\"llama.block_count\" is 0"));
  CHECK(contains(with({.experts = 4, .experts_used = 5}), "expert_used_count"));
  CHECK(contains(with({.experts = 4, .experts_used = 0}), "uses none"));
  const error key = refusal({}, [](gguf_builder& m) { m.text("llama.rope.scaling.type", "spiral"); });
  CHECK(contains(key.message(), "\"spiral\""));
  CHECK(key.code() == errc::unsupported);

  for (const language_model_options& options :
       {language_model_options{.sessions = 0}, language_model_options{.sessions = 5000},
        language_model_options{.context = -1}, language_model_options{.context = std::int64_t{1} << 40},
        language_model_options{.cache_pages = 1}, language_model_options{.logits = false}})
    CHECK(refusal(
              {}, [](gguf_builder&) {}, options)
              .code() == errc::invalid_argument);
  CHECK(!load_language_model("/nonexistent.gguf"));
}
