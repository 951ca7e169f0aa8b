#include <numbers>

#include "graph/passes/graph_links.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe {
namespace {

/// True when `id` is x times `factor`.
bool is_multiple(const graph_links& links, value_id id, value_id x, double factor) {
  if (const node* quotient = links.maker(id, "Div", 2))
    return quotient->inputs[0] == x && links.is_scalar(quotient->inputs[1], 1 / factor);
  const node* product = links.maker(id, "Mul", 2);
  return product &&
         in_either_order(*product, [&](value_id a, value_id b) { return a == x && links.is_scalar(b, factor); });
}

bool is_cube(const graph_links& links, value_id id, value_id x) {
  if (const node* power = links.maker(id, "Pow", 2))
    return power->inputs[0] == x && links.is_scalar(power->inputs[1], 3);
  const node* product = links.maker(id, "Mul", 2);
  return product && in_either_order(*product, [&](value_id a, value_id b) {
           const node* square = links.maker(b, "Mul", 2);
           return a == x && square && square->inputs[0] == x && square->inputs[1] == x;
         });
}

/// True when `id` is x + 0.044715 x^3.
bool is_bent(const graph_links& links, value_id id, value_id x) {
  const node* sum = links.maker(id, "Add", 2);
  return sum && in_either_order(*sum, [&](value_id a, value_id b) {
           const node* product = links.maker(b, "Mul", 2);
           return a == x && product && in_either_order(*product, [&](value_id cube, value_id factor) {
                    return links.is_scalar(factor, 0.044715) && is_cube(links, cube, x);
                  });
         });
}

/// The form of Gelu whose gate, 1 + f(x), `id` is: "none", "tanh", or nothing.
std::optional<std::string> gate_of(const graph_links& links, value_id id, value_id x) {
  const node* sum = links.maker(id, "Add", 2);
  if (!sum) return std::nullopt;
  std::optional<std::string> form;
  in_either_order(*sum, [&](value_id f, value_id one) {
    if (!links.is_scalar(one, 1)) return false;
    const node* error = links.maker(f, "Erf", 1);
    if (error && is_multiple(links, error->inputs[0], x, 1 / std::numbers::sqrt2)) form = "none";
    const node* tangent = links.maker(f, "Tanh", 1);
    const node* product = tangent ? links.maker(tangent->inputs[0], "Mul", 2) : nullptr;
    const bool is_tanh = product && in_either_order(*product, [&](value_id bent, value_id factor) {
                           return links.is_scalar(factor, std::sqrt(2 / std::numbers::pi)) && is_bent(links, bent, x);
                         });
    if (is_tanh) form = "tanh";
    return form.has_value();
  });
  return form;
}

bool fuse(const graph_links& links, node& step) {
  const auto as_gelu = [&](value_id gate, value_id x) {
    const auto form = gate_of(links, gate, x);
    if (form) become(step, "Gelu", 20, {x}, {{"approximate", *form}});
    return form.has_value();
  };
  // x, 1/2 and the gate are multiplied in any order.
  return in_either_order(step, [&](value_id a, value_id b) {
    const node* inner = links.maker(b, "Mul", 2);
    return inner && in_either_order(*inner, [&](value_id c, value_id d) {
             if (links.is_scalar(a, 0.5)) return as_gelu(c, d);
             if (!links.is_scalar(c, 0.5)) return false;
             return as_gelu(a, d) || as_gelu(d, a);
           });
  });
}

}  // namespace

void fuse_gelu(graph& model) {
  const graph_links links(model);
  for (node& step : model.nodes)
    if (graph_links::is(step, "Mul", 2)) fuse(links, step);
}

}  // namespace troupe
