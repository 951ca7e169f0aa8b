// Weights that an ONNX model keeps in files beside it. The model names them, so the names are not trusted.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "troupe/engine/tensor.hpp"

namespace troupe {

/// Reads parts of files inside one folder. Paths are relative, have no ".." and lead through no symbolic link.
class external_data {
public:
  /// With an empty folder, every read is refused.
  explicit external_data(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Where a tensor's bytes lie; -1 for the rest of the file.
  struct region {
    std::string location;
    std::int64_t offset = 0;
    std::int64_t length = -1;
  };

  /// Tensors of the same region share memory. The regions read may not have more than twice the files' bytes: a small
  /// model must not make many copies of a large file.
  result<tensor> read(const region& where, dtype type, const shape& dims);

private:
  std::filesystem::path folder_;
  std::map<std::tuple<std::string, std::size_t, std::size_t>, tensor> read_;
  std::map<std::string, std::size_t> file_sizes_;
  std::size_t bytes_of_files_ = 0;
  std::size_t bytes_read_ = 0;
};

}  // namespace troupe
