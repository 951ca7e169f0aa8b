#include "graph/passes/graph_links.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

/// The mean over the last axis of what value, if `id` is one.
std::optional<value_id> mean_of(const graph_links& links, value_id id) {
  const node* mean = links.maker(id, "ReduceMean", 1);
  if (!mean) mean = links.maker(id, "ReduceMean", 2);
  if (!mean || mean->int_or("keepdims", 1) == 0) return std::nullopt;
  if (mean->inputs.size() == 1 && mean->ints_or("axes", {}) == std::vector<std::int64_t>{-1}) return mean->inputs[0];
  if (mean->inputs.size() == 1) return std::nullopt;
  const tensor* axes = links.constant(mean->inputs[1]);
  const bool last = axes && axes->type() == dtype::i64 && axes->elements() == 1 && axes->as<std::int64_t>()[0] == -1;
  return last ? std::optional(mean->inputs[0]) : std::nullopt;
}

/// The root of what value, if `id` is its square.
std::optional<value_id> root_of(const graph_links& links, value_id id) {
  if (const node* power = links.maker(id, "Pow", 2); power && links.is_scalar(power->inputs[1], 2))
    return power->inputs[0];
  if (const node* product = links.maker(id, "Mul", 2); product && product->inputs[0] == product->inputs[1])
    return product->inputs[0];
  return std::nullopt;
}

/// sqrt(mean(source^2) + epsilon).
struct size_of_rows {
  value_id source;
  double epsilon;
};

std::optional<size_of_rows> size_of(const graph_links& links, value_id id) {
  const node* root = links.maker(id, "Sqrt", 1);
  const node* sum = root ? links.maker(root->inputs[0], "Add", 2) : nullptr;
  if (!sum) return std::nullopt;
  std::optional<size_of_rows> found;
  in_either_order(*sum, [&](value_id mean, value_id epsilon) {
    const auto square = mean_of(links, mean);
    const auto source = square ? root_of(links, *square) : std::nullopt;
    const auto number = links.scalar(epsilon);
    if (source && number && *number >= 0) found = size_of_rows{*source, *number};
    return found.has_value();
  });
  return found;
}

/// x / size(x), however it is written.
std::optional<size_of_rows> unit_of(const graph_links& links, value_id id) {
  if (const node* quotient = links.maker(id, "Div", 2)) {
    const auto size = size_of(links, quotient->inputs[1]);
    return size && size->source == quotient->inputs[0] ? size : std::nullopt;
  }
  const node* product = links.maker(id, "Mul", 2);
  if (!product) return std::nullopt;
  std::optional<size_of_rows> found;
  in_either_order(*product, [&](value_id x, value_id factor) {
    std::optional<size_of_rows> size;
    if (const node* inverse = links.maker(factor, "Reciprocal", 1)) size = size_of(links, inverse->inputs[0]);
    if (const node* quotient = links.maker(factor, "Div", 2); quotient && links.is_scalar(quotient->inputs[0], 1))
      size = size_of(links, quotient->inputs[1]);
    if (size && size->source == x) found = size;
    return found.has_value();
  });
  return found;
}

/// x when `id` is x - mean(x).
std::optional<value_id> centered_of(const graph_links& links, value_id id) {
  const node* difference = links.maker(id, "Sub", 2);
  if (!difference) return std::nullopt;
  const auto source = mean_of(links, difference->inputs[1]);
  return source && *source == difference->inputs[0] ? source : std::nullopt;
}

bool is_row(const graph_links& links, value_id id) {
  const tensor* data = links.constant(id);
  return data && data->dims().rank() == 1 && is_float(data->type());
}

bool fuse_scale(const graph_links& links, node& step) {
  return in_either_order(step, [&](value_id unit, value_id scale) {
    if (!is_row(links, scale)) return false;
    const auto rows = unit_of(links, unit);
    if (!rows) return false;
    const auto source = centered_of(links, rows->source);
    const auto epsilon = static_cast<float>(rows->epsilon);
    if (source)
      become(step, "LayerNormalization", 17, {*source, scale}, {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}});
    else
      become(step, "RMSNormalization", 23, {rows->source, scale}, {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}});
    return true;
  });
}

bool fuse_offset(const graph_links& links, node& step) {
  return in_either_order(step, [&](value_id scaled, value_id offset) {
    const node* made = links.maker(scaled, "LayerNormalization", 2);
    // Two nodes would divide where one did, if somebody else reads what comes before the offset.
    if (!made || !is_row(links, offset) || links.readers(scaled) != 1) return false;
    const tensor* scale = links.constant(made->inputs[1]);
    if (!scale || scale->dims() != links.constant(offset)->dims()) return false;
    const node before = *made;
    become(step, before.op, before.version, {before.inputs[0], before.inputs[1], offset}, before.attributes);
    return true;
  });
}

}  // namespace

void fuse_normalization(graph& model) {
  const graph_links links(model);  // sees nodes as they are rewritten: their first outputs stay
  for (node& step : model.nodes) {
    if (graph_links::is(step, "Mul", 2)) fuse_scale(links, step);
    if (graph_links::is(step, "Add", 2)) fuse_offset(links, step);
  }
}

}  // namespace troupe
