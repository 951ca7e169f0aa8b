#include <map>
#include <unordered_set>

#include "graph/value_namer.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/partition.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

/// Codes and scales of a value.
struct packed_value {
  value_id codes = no_value, scales = no_value;
};

/// One part of a pipeline, first as the taker of what the part before gives, then as a giver itself.
class compressor {
public:
  explicit compressor(graph& part) : part_(part) {
    for (const node& step : part.nodes)
      for (const value_id id : step.outputs) made_here_.insert(id);
  }

  /// What the part gives for its output `id`: nothing when that travels as it is.
  std::optional<packed_value> give(value_id id) {
    // A value that is passed on goes as it came: packed again it would lose more.
    for (auto it = part_.nodes.rbegin(); it != part_.nodes.rend(); ++it)
      if (it->op == "Identity" && it->domain.empty() && it->outputs[0] == id && came_packed_.contains(it->inputs[0]))
        id = it->inputs[0];
    if (const auto came = came_packed_.find(id); came != came_packed_.end()) return came->second;
    const value_info& info = part_.values[id];
    if (!made_here_.contains(id) || !info.type_known || info.type != dtype::f16) return std::nullopt;
    const packed_value made = add(id);
    part_.nodes.push_back(own_node("PackRows", id, {id}, {made.codes, made.scales}));
    return made;
  }

  /// The part's input `id` comes as these values, which it returns, and is unpacked.
  packed_value take(value_id id) {
    const packed_value made = add(id);
    node unpack = own_node("UnpackRows", id, {made.codes, made.scales}, {id});
    const value_info& info = part_.values[id];
    unpack.attributes["half"] = std::int64_t{info.type_known && info.type == dtype::f16};
    part_.nodes.insert(part_.nodes.begin(), std::move(unpack));
    came_packed_.emplace(id, made);
    return made;
  }

private:
  packed_value add(value_id id) {
    const auto next = [&](dtype type) {
      return part_.add_value({names_.fresh(part_, part_.values[id].name), type, true, std::nullopt});
    };
    const value_id codes = next(dtype::i8);
    return {codes, next(dtype::f32)};
  }

  node own_node(std::string op, value_id id, std::vector<value_id> inputs, std::vector<value_id> outputs) const {
    return {.op = std::move(op),
            .domain = std::string(own_domain),
            .name = part_.values[id].name,
            .version = 1,
            .inputs = std::move(inputs),
            .outputs = std::move(outputs)};
  }

  graph& part_;
  value_namer names_;
  std::unordered_set<value_id> made_here_;
  std::map<value_id, packed_value> came_packed_;
};

void append(std::vector<value_id>& to, const packed_value& packed) {
  to.insert(to.end(), {packed.codes, packed.scales});
}

}  // namespace

result<void> compress_cuts(std::vector<graph>& parts) {
  if (parts.empty()) return {};
  std::optional<compressor> giver(std::in_place, parts[0]);
  for (std::size_t k = 0; k + 1 < parts.size(); ++k) {
    compressor taker(parts[k + 1]);
    std::vector<value_id> given, taken;
    for (std::size_t i = 0; i < parts[k].outputs.size(); ++i) {
      if (const auto packed = giver->give(parts[k].outputs[i])) {
        append(given, *packed);
        append(taken, taker.take(parts[k + 1].inputs[i]));
      } else {
        given.push_back(parts[k].outputs[i]);
        taken.push_back(parts[k + 1].inputs[i]);
      }
    }
    parts[k].outputs = std::move(given);
    parts[k + 1].inputs = std::move(taken);
    giver.emplace(std::move(taker));
  }
  for (graph& part : parts) {
    remove_dead_code(part);  // what was unpacked only to be passed on
    TROUPE_CHECK(validate(part).while_doing("compressing what crosses a cut"));
  }
  return {};
}

}  // namespace troupe
