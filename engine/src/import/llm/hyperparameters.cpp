#include "import/llm/hyperparameters.hpp"

#include <algorithm>

#include "import/names.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::llm {
namespace {

constexpr std::int64_t heads_max = 1024;
constexpr std::int64_t experts_max = 2048;
constexpr std::int64_t vocabulary_max = std::int64_t{1} << 24;

/// Ids that end a text, without repetitions.
result<std::vector<std::int64_t>> read_end_of_text(const gguf_file& file, std::int64_t vocabulary) {
  std::vector<std::int64_t> ids;
  for (const char* const key :
       {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    TROUPE_TRY(const std::int64_t id, file.integer_or(key, -1));
    // Some converters write an id behind the vocabulary for "there is none".
    if (id >= 0 && id < vocabulary && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

result<rotary_scaling> read_scaling(const model_keys& keys, std::int64_t trained_context) {
  rotary_scaling made;
  TROUPE_TRY(const std::string_view type, keys.text_or(".rope.scaling.type", "linear"));
  TROUPE_TRY(const double older, keys.number_or(".rope.scale_linear", 1));
  TROUPE_TRY(made.factor, keys.number_or(".rope.scaling.factor", older));
  if (made.factor == 0) made.factor = 1;  // what is written for "none"
  TROUPE_TRY(made.attention_factor, keys.number_or(".rope.scaling.attn_factor", 1));
  TROUPE_TRY(made.beta_fast, keys.number_or(".rope.scaling.yarn_beta_fast", 32));
  TROUPE_TRY(made.beta_slow, keys.number_or(".rope.scaling.yarn_beta_slow", 1));
  TROUPE_TRY(made.original_context,
             keys.integer_or(".rope.scaling.original_context_length", trained_context, 1, std::int64_t{1} << 40));
  if (type == "linear") {
    made.type = made.factor == 1 ? rotary_scaling::kind::none : rotary_scaling::kind::linear;
  } else if (type == "yarn") {
    made.type = rotary_scaling::kind::yarn;
  } else if (type == "longrope") {
    made.type = rotary_scaling::kind::longrope;
  } else if (type == "none" || type.empty()) {
    made.factor = 1;
  } else {
    return fail(errc::unsupported,
                "{} is \"{}\", which is not supported; \"none\", \"linear\", \"yarn\" and \"longrope\" are",
                keys.name(".rope.scaling.type"), check_name(type, "type") ? type : "?");
  }
  if (made.factor < 1e-3 || made.factor > 1e6 || made.attention_factor <= 0 || made.attention_factor > 1e3 ||
      made.beta_fast <= 0 || made.beta_slow <= 0)
    return fail(errc::invalid_argument, "the numbers of {}* are outside what makes sense", keys.name(".rope.scaling."));
  return made;
}

}  // namespace

result<std::int64_t> model_keys::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const std::string whole = name(key);
  std::int64_t value = 0;
  const auto entry = file_.find(whole);
  if (entry && entry->type == gguf_type::array) {
    TROUPE_TRY(const auto values, file_.integers(whole));
    if (values.empty() ||
        std::count(values.begin(), values.end(), values[0]) != static_cast<std::ptrdiff_t>(values.size()))
      return fail(errc::unsupported, "\"{}\" differs from layer to layer, which is not supported", whole);
    value = values[0];
  } else {
    TROUPE_TRY(value, file_.integer(whole));
  }
  if (value < least || value > most)
    return fail(errc::invalid_argument, "\"{}\" is {}; {} to {} is supported", whole, value, least, most);
  return value;
}

result<std::int64_t> model_keys::integer_or(std::string_view key, std::int64_t fallback, std::int64_t least,
                                            std::int64_t most) const {
  return has(key) ? integer(key, least, most) : result<std::int64_t>(fallback);
}

result<std::string> read_architecture(const gguf_file& file) {
  TROUPE_TRY(const std::string_view name, file.text("general.architecture"));
  TROUPE_CHECK(check_name(name, "name of the architecture"));
  return std::string(name);
}

result<hyperparameters> read_hyperparameters(const gguf_file& file, const model_keys& keys, std::string architecture) {
  hyperparameters made;
  language_model_parameters& model = made.model;
  model.architecture = std::move(architecture);
  TROUPE_TRY(const std::string_view name, file.text_or("general.name", ""));
  if (check_name(name, "name")) model.name = name;
  TROUPE_TRY(model.trained_context, keys.integer(".context_length", 1, std::int64_t{1} << 40));
  TROUPE_TRY(model.layers, keys.integer(".block_count", 1, limits::language_layers_max));
  TROUPE_TRY(model.width, keys.integer(".embedding_length", 1, limits::language_width_max));
  TROUPE_TRY(model.heads, keys.integer(".attention.head_count", 1, heads_max));
  TROUPE_TRY(model.kv_heads, keys.integer_or(".attention.head_count_kv", model.heads, 1, model.heads));
  if (model.heads % model.kv_heads != 0)
    return fail(errc::invalid_argument, "{} heads cannot share {} heads of keys and values", model.heads,
                model.kv_heads);
  TROUPE_TRY(model.head_size,
             keys.integer_or(".attention.key_length", model.width / model.heads, 1, limits::language_width_max));
  TROUPE_TRY(const std::int64_t value_size,
             keys.integer_or(".attention.value_length", model.head_size, 1, limits::language_width_max));
  if (model.head_size < 1 || value_size != model.head_size)
    return fail(errc::unsupported, "keys have {} elements and values {}; only the same for both is supported",
                model.head_size, value_size);
  // What attention can take; also keeps the tables of angles small before any tensor has been looked at.
  constexpr std::int64_t head_size_max = 512;
  if (model.head_size > head_size_max)
    return fail(errc::unsupported, "heads have {} elements; at most {} are supported", model.head_size, head_size_max);
  TROUPE_TRY(model.feed_forward, keys.integer(".feed_forward_length", 1, limits::language_width_max));
  TROUPE_TRY(model.experts, keys.integer_or(".expert_count", 0, 0, experts_max));
  TROUPE_TRY(model.experts_used, keys.integer_or(".expert_used_count", 0, 0, model.experts));
  if (model.experts > 0 && model.experts_used == 0)
    return fail(errc::invalid_argument, "the model has {} experts, but uses none of them", model.experts);
  const gguf_tensor* const embedding = file.find_tensor("token_embd.weight");
  if (!embedding) return fail(errc::invalid_argument, "the tensor \"token_embd.weight\" is missing");
  model.vocabulary = embedding->rows();
  if (model.vocabulary > vocabulary_max)
    return fail(errc::invalid_argument, "the vocabulary has {} tokens; at most {} are supported", model.vocabulary,
                vocabulary_max);
  for (const gguf_tensor& weights : file.tensors()) model.elements += weights.elements();
  TROUPE_TRY(model.end_of_text, read_end_of_text(file, model.vocabulary));

  TROUPE_TRY(const double epsilon, keys.number(".attention.layer_norm_rms_epsilon"));
  if (epsilon < 0 || epsilon > 1)
    return fail(errc::invalid_argument, "\"{}\" is {}", keys.name(".attention.layer_norm_rms_epsilon"), epsilon);
  made.epsilon = static_cast<float>(epsilon);
  TROUPE_TRY(made.rotary_size, keys.integer_or(".rope.dimension_count", model.head_size, 0, model.head_size));
  if (made.rotary_size % 2 != 0)
    return fail(errc::invalid_argument, "\"{}\" is {}, which is odd", keys.name(".rope.dimension_count"),
                made.rotary_size);
  TROUPE_TRY(made.rotary_base, keys.number_or(".rope.freq_base", 10000));
  if (made.rotary_base <= 1)
    return fail(errc::invalid_argument, "\"{}\" is {}", keys.name(".rope.freq_base"), made.rotary_base);
  TROUPE_TRY(made.scaling, read_scaling(keys, model.trained_context));
  return made;
}

}  // namespace troupe::llm
