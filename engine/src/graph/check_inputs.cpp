#include <map>

#include "graph/inference.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

bool type_fits(const value_info& declared, dtype given) {
  return !declared.type_known || declared.type == given || (is_float(declared.type) && is_float(given));
}

bool extents_fit(const value_info& declared, const shape& given) {
  if (!declared.dims) return true;
  if (declared.dims->size() != given.rank()) return false;
  for (std::size_t axis = 0; axis < given.rank(); ++axis) {
    const std::int64_t extent = (*declared.dims)[axis].extent;
    if (extent >= 0 && extent != given[axis]) return false;
  }
  return true;
}

}  // namespace

result<void> check_inputs(const graph& model, std::span<const tensor> inputs) {
  if (inputs.size() != model.inputs.size())
    return fail(errc::invalid_argument, "{} inputs are given, but the model takes {}", inputs.size(),
                model.inputs.size());
  struct use {
    std::int64_t extent;
    std::string_view input;
  };
  std::map<std::string_view, use> symbols;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const value_info& declared = model.values[model.inputs[i]];
    const tensor& given = inputs[i];
    if (!type_fits(declared, given.type()) || !extents_fit(declared, given.dims()))
      return fail(errc::invalid_argument, "the input \"{}\" is {}, but the model takes {}", declared.name,
                  given.describe(), declared.describe());
    if (given.bytes().size() != given.byte_size())
      return fail(errc::invalid_argument, "the input \"{}\" has no contents", declared.name);
    if (!declared.dims) continue;
    for (std::size_t axis = 0; axis < given.dims().rank(); ++axis) {
      const std::string& symbol = (*declared.dims)[axis].symbol;
      if ((*declared.dims)[axis].extent >= 0 || symbol.empty()) continue;
      const auto [known, first] = symbols.try_emplace(symbol, use{given.dims()[axis], declared.name});
      if (!first && known->second.extent != given.dims()[axis])
        return fail(errc::invalid_argument, "the input \"{}\" is {} with {} = {}, but {} is {} in the input \"{}\"",
                    declared.name, given.describe(), symbol, given.dims()[axis], symbol, known->second.extent,
                    known->second.input);
    }
  }
  return {};
}

std::vector<std::size_t> host_inputs(const graph& model, const operator_table& operators) {
  const std::vector<bool> needed = values_needed_on_host(model, operators);
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < model.inputs.size(); ++i)
    if (needed[model.inputs[i]]) indices.push_back(i);
  return indices;
}

}  // namespace troupe
