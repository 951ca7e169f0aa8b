#include <algorithm>

#include "graph/passes/graph_links.hpp"
#include "graph/value_namer.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

using permutation = std::vector<std::int64_t>;

/// A value times a number that is known.
struct scaled_value {
  value_id id;
  double factor = 1;
};

scaled_value peel_factor(const graph_links& links, value_id id) {
  if (const node* quotient = links.maker(id, "Div", 2))
    if (const auto divisor = links.scalar(quotient->inputs[1]); divisor && *divisor != 0)
      return {quotient->inputs[0], 1 / *divisor};
  scaled_value made{id};
  if (const node* product = links.maker(id, "Mul", 2))
    in_either_order(*product, [&](value_id x, value_id factor) {
      const auto number = links.scalar(factor);
      if (number) made = {x, *number};
      return number.has_value();
    });
  return made;
}

/// A constant that hides no row of keys completely. Where one does, a large negative number instead of infinity makes
/// an average of all keys, which Attention does not.
bool leaves_every_row_a_key(const tensor& mask) {
  if (mask.type() != dtype::boolean || mask.dims().rank() < 1 || mask.dims().rank() > 4) return false;
  const auto shown = mask.as<bool>();
  const auto keys = static_cast<std::size_t>(mask.dims()[mask.dims().rank() - 1]);
  for (std::size_t row = 0; keys > 0 && row < shown.size() / keys; ++row)
    if (std::none_of(shown.begin() + row * keys, shown.begin() + (row + 1) * keys, [](bool key) { return key; }))
      return false;
  return keys > 0;
}

struct attention_parts {
  value_id query, key_transposed, value, mask = no_value;
  double scale = 1;
};

std::optional<attention_parts> match(const graph_links& links, const node& last) {
  const node* softmax = links.maker(last.inputs[0], "Softmax", 1);
  if (!softmax || softmax->int_or("axis", softmax->version < 13 ? 1 : -1) != -1) return std::nullopt;
  attention_parts found{.query = 0, .key_transposed = 0, .value = last.inputs[1]};
  value_id scores = softmax->inputs[0];
  if (const node* choice = links.maker(scores, "Where", 3)) {
    const tensor* mask = links.constant(choice->inputs[0]);
    const auto hidden = links.scalar(choice->inputs[2]);
    // exp() of anything this far below the other scores is 0.
    if (!mask || !hidden || !(*hidden <= -1e4) || !leaves_every_row_a_key(*mask)) return std::nullopt;
    found.mask = choice->inputs[0];
    scores = choice->inputs[1];
  } else if (const node* sum = links.maker(scores, "Add", 2)) {
    const bool product_first = links.maker(peel_factor(links, sum->inputs[0]).id, "MatMul", 2) != nullptr;
    scores = sum->inputs[product_first ? 0 : 1];
    found.mask = sum->inputs[product_first ? 1 : 0];
  }
  const scaled_value product = peel_factor(links, scores);
  const node* matrix = links.maker(product.id, "MatMul", 2);
  if (!matrix) return std::nullopt;
  const scaled_value query = peel_factor(links, matrix->inputs[0]);
  const scaled_value key = peel_factor(links, matrix->inputs[1]);
  found.query = query.id;
  found.key_transposed = key.id;
  found.scale = product.factor * query.factor * key.factor;
  return found;
}

class attention_fuser {
public:
  explicit attention_fuser(graph& model) : model_(model) {}

  void run() {
    std::vector<node> before = model_.nodes;  // the links point into it
    graph seen = model_;
    const graph_links links(seen);
    std::vector<node> made;
    for (node& step : before) {
      const auto found = graph_links::is(step, "MatMul", 2) ? match(links, step) : std::nullopt;
      if (!found || !fuse(links, *found, step, made)) made.push_back(std::move(step));
    }
    model_.nodes = std::move(made);
  }

private:
  /// Four axes are known by the permutation of the keys, whose transposition must be undone.
  bool fuse(const graph_links& links, const attention_parts& parts, node& step, std::vector<node>& made) {
    const node* transpose = links.maker(parts.key_transposed, "Transpose", 1);
    const permutation* order = transpose ? transpose->ints("perm") : nullptr;
    if (!order || order->size() != 4) return false;
    permutation rows = *order;
    std::swap(rows[2], rows[3]);
    value_id key = transpose->inputs[0];
    if (rows != permutation{0, 1, 2, 3}) {
      key = model_.add_value(
          {namer_.fresh(model_, model_.values[parts.key_transposed].name), dtype::f32, false, std::nullopt});
      node again = *transpose;
      become(again, "Transpose", transpose->version, {transpose->inputs[0]}, {{"perm", rows}});
      again.outputs[0] = key;
      made.push_back(std::move(again));
    }
    become(step, "Attention", 23, {parts.query, key, parts.value}, {{"scale", static_cast<float>(parts.scale)}});
    if (parts.mask != no_value) step.inputs.push_back(parts.mask);
    made.push_back(std::move(step));
    return true;
  }

  graph& model_;
  value_namer namer_;
};

}  // namespace

void fuse_attention(graph& model) {
  attention_fuser(model).run();
}

}  // namespace troupe
