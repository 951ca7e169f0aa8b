#include "device/example_inputs.hpp"

namespace troupe {
namespace {
constexpr std::size_t bytes_max = std::size_t{256} << 20;
}  // namespace

std::optional<example_inputs> make_example_inputs(const graph& model, std::int64_t unknown) {
  example_inputs made;
  std::size_t bytes_left = bytes_max;
  for (const value_id id : model.inputs) {
    const value_info& declared = model.values[id];
    if (!declared.type_known || !declared.dims) return std::nullopt;
    std::vector<std::int64_t> extents;
    for (const dimension& axis : *declared.dims) {
      made.exact &= axis.extent >= 0;
      extents.push_back(axis.extent >= 0 ? axis.extent : unknown);
    }
    const auto dims = shape::make(extents);
    if (!dims) return std::nullopt;
    const std::size_t bytes = static_cast<std::size_t>(dims->elements()) * size_of(declared.type);
    if (bytes > bytes_left) return std::nullopt;
    bytes_left -= bytes;
    auto zeros = tensor::make(declared.type, *dims);
    if (!zeros) return std::nullopt;
    made.tensors.push_back(std::move(*zeros));
  }
  return made;
}

}  // namespace troupe
