#include "random_inputs.hpp"

#include <random>

#include "console.hpp"

namespace troupe::app {
namespace {

/// `NAME=2,3,224,224`.
result<shape> given_shape(const std::string& text) {
  std::vector<std::int64_t> extents;
  const char* at = text.c_str();
  while (*at) {
    char* end = nullptr;
    extents.push_back(std::strtoll(at, &end, 10));
    if (end == at || (*end && *end != ','))
      return error(errc::invalid_argument, fmt::format("the shape \"{}\" is not a list such as 1,3,224,224", text));
    at = *end ? end + 1 : end;
  }
  return shape::make(extents);
}

/// The declared shape with the batch as first extent when that is open; other open extents must be given.
result<shape> shape_of(const value_info& input, const random_input_options& given) {
  const std::string prefix = input.name + "=";
  for (const std::string& argument : given.shapes)
    if (argument.rfind(prefix, 0) == 0) return given_shape(argument.substr(prefix.size()));
  std::vector<std::int64_t> extents;
  for (const dimension& extent : input.dims.value_or(std::vector<dimension>{{-1, ""}, {-1, ""}})) {
    const std::int64_t chosen = extent.extent < 0 && extents.empty() ? given.batch : extent.extent;
    if (chosen < 0)
      return error(errc::invalid_argument, fmt::format("the input \"{}\" {} leaves extents open; give --shape {}=...",
                                                       input.name, text_of_dims(input), input.name));
    extents.push_back(chosen);
  }
  return shape::make(extents);
}

}  // namespace

result<std::vector<tensor>> make_inputs(const graph& network, const random_input_options& given, std::uint64_t seed) {
  for (const std::string& argument : given.shapes)
    if (!network.input_index(argument.substr(0, argument.find('='))))
      return error(errc::invalid_argument, fmt::format("--shape {} names no input of the model", argument));
  std::vector<tensor> inputs;
  std::mt19937_64 random(seed);
  for (const value_id id : network.inputs) {
    const value_info& input = network.values[id];
    const dtype type = input.type_known ? input.type : dtype::f32;
    TROUPE_TRY(const shape dims, shape_of(input, given));
    TROUPE_TRY(tensor made, tensor::make(is_float(type) ? dtype::f32 : type, dims));
    if (is_float(type)) {
      for (float& element : made.as_mutable<float>()) element = static_cast<float>(random() >> 40) * 0x1p-24f;
      TROUPE_TRY(made, convert(made, type));
    }
    inputs.push_back(std::move(made));
  }
  return inputs;
}

void random_input_options::add_to(CLI::App& command) {
  command.add_option("--batch", batch, "First extent of inputs that leave it open")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_option("--shape", shapes, "Shape of an input that leaves more open; repeatable")
      ->type_name("NAME=N,N,...")
      ->allow_extra_args(false);
}

}  // namespace troupe::app
