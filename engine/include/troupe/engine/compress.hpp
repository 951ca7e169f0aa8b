// Weight-only compression of ONNX models: smaller files, the same graph, any runtime that reads ONNX.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "troupe/engine/result.hpp"

namespace troupe {

/// How weights are kept.
enum class weight_format : std::uint8_t {
  f16,   ///< binary16, rounded to nearest even; what exceeds its range makes the tensor stay as it is
  int8,  ///< eight bits, symmetric around zero, with one scale for each output channel: w = q * max|w| / 127
};

struct compress_options {
  weight_format format = weight_format::f16;
  /// Smaller tensors (biases, norms) stay as they are: they cost little and matter much.
  std::int64_t elements_min = 1024;
};

/// What became of one weight.
struct compressed_tensor {
  std::string name;
  std::uint64_t bytes_before = 0, bytes_after = 0;
  double error_max = 0;  ///< largest change of an element, relative to the largest element of the tensor
};

struct compress_report {
  std::vector<compressed_tensor> tensors;  ///< those that were compressed
  std::size_t kept = 0;                    ///< floating-point initializers that stayed as they are
  std::uint64_t file_bytes_before = 0;     ///< of the model with its external data
  std::uint64_t file_bytes_after = 0;
};

/// Writes to `target` what `source` is with its fp32 initializers compressed. Each becomes a smaller initializer and
/// the nodes that restore it (Cast; for int8, Cast and Mul), so that every consumer of ONNX opset 7 or later reads it;
/// Troupe folds them away when it loads the model. Only initializers of the main graph with two or more axes are
/// compressed. External data is taken into the file, which must stay below protobuf's 2 GiB. `target` appears whole or
/// not at all, and may be `source`.
result<compress_report> compress_onnx(const std::filesystem::path& source, const std::filesystem::path& target,
                                      const compress_options& options);

}  // namespace troupe
