#include "commands/inspect_gguf.hpp"

#include <algorithm>
#include <fstream>
#include <map>

#include "troupe/engine/language_model.hpp"
#include "troupe/engine/utf8.hpp"

namespace troupe::app {
namespace {

/// Tensors of one type: counted together, because together they are supported or not.
struct type_use {
  std::size_t tensors = 0;
  std::int64_t elements = 0;
  std::uint64_t bytes = 0;
  bool supported = false;
};

std::map<std::string, type_use> uses_of(const gguf_file& file) {
  std::map<std::string, type_use> uses;
  for (const gguf_tensor& tensor : file.tensors()) {
    type_use& use = uses[std::string(tensor.type_name())];
    ++use.tensors;
    use.elements += tensor.elements();
    use.bytes += tensor.bytes.size();
    use.supported = tensor.format().has_value();
  }
  return uses;
}

/// Numbers, bools and texts as they are; lists by their type and length.
json json_of(const gguf_file& file, const gguf_entry& entry) {
  if (const auto text = file.text(entry.key)) return replace_invalid_utf8(*text);
  if (const auto flag = file.boolean(entry.key)) return *flag;
  if (const auto integer = file.integer(entry.key)) return *integer;
  if (const auto number = file.number(entry.key)) return *number;
  return entry.describe();
}

/// A chat template is for --json.
std::string shortened(const json& value) {
  constexpr std::size_t shown = 120;
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const std::string line = text.substr(0, text.find('\n'));
  return line.size() <= shown && line.size() == text.size() ? text : line.substr(0, shown) + "...";
}

/// Why Troupe cannot run the model: nothing if it can.
std::vector<std::string> unsupported_in(const gguf_file& file, const std::map<std::string, type_use>& uses) {
  std::vector<std::string> reasons;
  for (const auto& [name, use] : uses)
    if (!use.supported) reasons.push_back(fmt::format("tensors of type {}", name));
  // A short context: what is asked is whether there is a graph, not whether there is memory.
  const auto model = build_language_model(file, {.sessions = 1, .context = cache_page_positions});
  if (!model && reasons.empty()) reasons.push_back(model.error().message());
  return reasons;
}

json json_of(const language_model_parameters& model) {
  return {{"vocabulary", model.vocabulary},
          {"context", model.trained_context},
          {"layers", model.layers},
          {"width", model.width},
          {"heads", model.heads},
          {"kv_heads", model.kv_heads},
          {"head_size", model.head_size},
          {"feed_forward", model.feed_forward},
          {"experts", model.experts},
          {"experts_used", model.experts_used},
          {"end_of_text", model.end_of_text}};
}

json tokenizer_of(const gguf_file& file) {
  json made = json::object();
  for (const char* const key : {"model", "pre"})
    if (const auto text = file.text(fmt::format("tokenizer.ggml.{}", key))) made[key] = replace_invalid_utf8(*text);
  if (const auto tokens = file.find("tokenizer.ggml.tokens")) made["tokens"] = tokens->count;
  made["chat_template"] = file.has("tokenizer.chat_template");
  return made;
}

}  // namespace

bool is_gguf(const std::string& file) {
  std::ifstream from(file, std::ios::binary);
  std::string start(4, '\0');
  return from.read(start.data(), 4) && start == "GGUF";
}

result<void> inspect_gguf(const std::string& path, console& out) {
  TROUPE_TRY(const gguf_file file, gguf_file::open(path));
  const auto uses = uses_of(file);
  const auto unsupported = unsupported_in(file, uses);
  const auto model = read_language_model_parameters(file);
  std::int64_t elements = 0;
  json types = json::array();
  table shown{{"type", "tensors", "elements", "bytes", ""}, {}};
  for (const auto& [name, use] : uses) {
    elements += use.elements;
    types.push_back({{"type", name},
                     {"tensors", use.tensors},
                     {"elements", use.elements},
                     {"bytes", use.bytes},
                     {"supported", use.supported}});
    shown.rows.push_back({name, fmt::format("{}", use.tensors), fmt::format("{}", use.elements),
                          text_of_bytes(use.bytes), use.supported ? "" : "not supported"});
  }
  json metadata = json::object();
  for (std::size_t i = 0; i < file.keys(); ++i) metadata[std::string(file.entry(i).key)] = json_of(file, file.entry(i));
  const json tokenizer = tokenizer_of(file);
  const std::string name =
      metadata.value("general.name", json("")).is_string() ? metadata.value("general.name", "") : "";
  const std::string architecture =
      metadata.contains("general.architecture") && metadata["general.architecture"].is_string()
          ? metadata["general.architecture"].get<std::string>()
          : "";
  out.object({{"format", "gguf"},
              {"version", file.version()},
              {"files", file.parts()},
              {"name", name},
              {"architecture", architecture},
              {"model", model ? json_of(*model) : json()},
              {"tokenizer", tokenizer},
              {"tensor_types", types},
              {"parameters", elements},
              {"bytes", file.byte_size()},
              {"metadata", metadata},
              {"supported", unsupported.empty()},
              {"unsupported", unsupported}});

  out.line("{} ({}), GGUF {}, {} in {}", name.empty() ? "model" : name,
           architecture.empty() ? "no architecture" : architecture, file.version(), text_of_bytes(file.byte_size()),
           file.parts() == 1 ? "one file" : fmt::format("{} files", file.parts()));
  if (model) {
    out.line("{} parameters, {} layers of {}, {} heads of {} ({} of keys and values), feed-forward {}", elements,
             model->layers, model->width, model->heads, model->head_size, model->kv_heads, model->feed_forward);
    if (model->experts > 0) out.line("{} experts, {} for each token", model->experts, model->experts_used);
    out.line("trained for {} positions, vocabulary of {}", model->trained_context, model->vocabulary);
  }
  out.line("tokenizer: {}", tokenizer.contains("model") ? shortened(tokenizer["model"]) : "none");
  out.line("");
  out.print(shown);
  out.line("");
  for (const auto& [key, value] : metadata.items()) out.line("{}: {}", key, shortened(value));
  for (const std::string& reason : unsupported) out.line("not supported: {}", reason);
  return {};
}

}  // namespace troupe::app
