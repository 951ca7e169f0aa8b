// troupe compress MODEL: a smaller file of the same network, and what that costs in accuracy.
#include <algorithm>
#include <cmath>

#include "commands.hpp"
#include "options.hpp"
#include "random_inputs.hpp"
#include "troupe/engine/compress.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/passes.hpp"

namespace troupe::app {
namespace {

struct compress_command {
  std::string model_file, output_file;
  std::string format = "f16";
  std::int64_t elements_min = 1024;
  std::size_t checks = 4;
  std::uint64_t seed = 0;
  std::string storage = "f32";
  random_input_options inputs;
  placement_options placement;
};

constexpr std::chrono::minutes run_limit{10};

/// How far two answers are apart.
struct difference {
  double relative = 0;         ///< greatest, of the largest element of its output
  std::size_t rows = 0;        ///< along the last axis of all floating-point outputs
  std::size_t rows_agree = 0;  ///< those whose largest element is at the same place
};

result<void> compare(const tensor& before, const tensor& after, difference& seen) {
  if (!is_float(before.type()) || before.dims().rank() == 0) return {};
  TROUPE_TRY(const tensor x, convert(before, dtype::f32));
  TROUPE_TRY(const tensor y, convert(after, dtype::f32));
  const auto a = x.as<float>(), b = y.as<float>();
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max<double>(largest, std::abs(a[i]));
    apart = std::max<double>(apart, std::abs(static_cast<double>(a[i]) - b[i]));
  }
  if (largest > 0) seen.relative = std::max(seen.relative, apart / largest);
  const auto row = static_cast<std::ptrdiff_t>(before.dims()[before.dims().rank() - 1]);
  if (row < 2) return {};
  for (auto at = a.begin(), to = b.begin(); at != a.end(); at += row, to += row) {
    ++seen.rows;
    seen.rows_agree += std::max_element(at, at + row) - at == std::max_element(to, to + row) - to;
  }
  return {};
}

/// Runs both networks on the same random inputs.
result<difference> measure(const compress_command& given, const graph& before, console& out) {
  TROUPE_TRY(graph after, import_onnx(given.output_file));
  const system_options options = given.placement.for_system();
  const auto operators = std::make_shared<const operator_table>(builtin_operators());
  TROUPE_TRY(const auto opened, open_device(options.device, operators, options.devices));
  const program_options how{.storage = given.storage == "f32" ? dtype::f32 : dtype::f16};
  const auto load = [&](graph network) -> result<std::unique_ptr<troupe::program>> {
    TROUPE_CHECK(optimize(network, *operators));
    return opened->load(std::make_shared<const graph>(std::move(network)), how);
  };
  out.progress("loading both models");
  TROUPE_TRY(const auto original, load(before));
  TROUPE_TRY(const auto compressed, load(std::move(after)));
  difference seen;
  for (std::size_t i = 0; i < given.checks; ++i) {
    out.progress(fmt::format("comparing answers, {} of {}", i + 1, given.checks));
    TROUPE_TRY(const auto inputs, make_inputs(before, given.inputs, given.seed + i));
    TROUPE_TRY(const auto x, original->run(inputs, steady_clock::now() + run_limit));
    TROUPE_TRY(const auto y, compressed->run(inputs, steady_clock::now() + run_limit));
    for (std::size_t k = 0; k < x.size(); ++k) TROUPE_CHECK(compare(x[k], y[k], seen));
  }
  return seen;
}

result<void> compress(const compress_command& given, console& out) {
  TROUPE_TRY(const graph before, given.checks > 0 ? read_model(given.model_file) : import_onnx(given.model_file));
  out.progress("compressing " + given.model_file);
  const weight_format format = given.format == "int8" ? weight_format::int8 : weight_format::f16;
  TROUPE_TRY(const compress_report made, compress_onnx(given.model_file, given.output_file,
                                                       {.format = format, .elements_min = given.elements_min}));
  const double ratio = static_cast<double>(made.file_bytes_before) / static_cast<double>(made.file_bytes_after);
  double weight_error = 0;
  for (const compressed_tensor& one : made.tensors) weight_error = std::max(weight_error, one.error_max);
  json answer{{"file", given.output_file},
              {"format", given.format},
              {"bytes_before", made.file_bytes_before},
              {"bytes_after", made.file_bytes_after},
              {"ratio", ratio},
              {"tensors", made.tensors.size()},
              {"kept", made.kept},
              {"weight_error_max", weight_error}};
  out.line("{}: {} instead of {} ({:.2f} times smaller); {} weights as {}, {} kept as they are", given.output_file,
           text_of_bytes(made.file_bytes_after), text_of_bytes(made.file_bytes_before), ratio, made.tensors.size(),
           given.format, made.kept);
  out.line("largest change of a weight: {:.2e} of the largest in its tensor", weight_error);
  if (given.checks > 0) {
    TROUPE_TRY(const difference seen, measure(given, before, out));
    answer["output_error_max"] = seen.relative;
    answer["rows"] = seen.rows;
    answer["rows_agree"] = seen.rows_agree;
    out.line("largest change of an output over {} random inputs: {:.2e} of the largest in its tensor", given.checks,
             seen.relative);
    if (seen.rows > 0) out.line("the largest element is the same in {} of {} rows", seen.rows_agree, seen.rows);
  }
  out.object(answer);
  return {};
}

}  // namespace

void add_compress(program& to) {
  auto given = std::make_shared<compress_command>();
  CLI::App& command = to.add("compress", "Writes a smaller file of the same network, and says what it costs",
                             "troupe compress model.onnx --to int8 --output small.onnx",
                             [given](console& out) { return compress(*given, out); });
  command.add_option("MODEL", given->model_file, "ONNX file")->required();
  command.add_option("--to", given->format, "How weights are kept: f16, or int8 with a scale for each channel")
      ->check(CLI::IsMember({"f16", "int8"}))
      ->capture_default_str();
  command.add_option("--output", given->output_file, "File to write")->type_name("FILE")->required();
  command.add_option("--min-elements", given->elements_min, "Smaller weights are kept as they are")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--checks", given->checks, "Random inputs on which both networks are compared; 0: none")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  command
      .add_option("--storage", given->storage, "Activations during the comparison; f32 shows the weights' share alone")
      ->check(CLI::IsMember({"f16", "f32"}))
      ->capture_default_str();
  command.add_option("--seed", given->seed, "Of the random inputs")->capture_default_str();
  given->inputs.add_to(command);
  given->placement.add_to(command, false);
}

}  // namespace troupe::app
