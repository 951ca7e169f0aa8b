// The graph of a language model under construction: values, weights taken from the file with their shapes checked, and
// nodes that all architectures use.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/llm/hyperparameters.hpp"
#include "import/llm/rotary_table.hpp"
#include "troupe/engine/operators.hpp"

namespace troupe::llm {

/// A weight matrix as it lies in the file.
struct matrix {
  value_id value = no_value;
  std::string format;
  std::int64_t rows = 0;
};

using attributes = std::map<std::string, attribute, std::less<>>;

class model_builder {
public:
  /// `made` has its sizes, and gets its graph. Both are referred to.
  model_builder(const gguf_file& file, const hyperparameters& given, language_model& made);

  const hyperparameters& given() const noexcept { return given_; }
  const language_model_parameters& model() const noexcept { return given_.model; }
  bool is_last(std::int64_t layer) const noexcept { return layer + 1 == model().layers; }

  // The graph's inputs.
  value_id tokens = no_value, positions = no_value, sequences = no_value, pages = no_value, output_rows = no_value;

  bool has(const std::string& tensor) const { return file_.find_tensor(tensor) != nullptr; }
  /// A matrix of the file; `experts` of them one below the other for a tensor of three axes. A tensor that was taken
  /// before is the same value.
  result<matrix> take_matrix(const std::string& tensor, std::int64_t rows, std::int64_t columns,
                             std::int64_t experts = 1);
  /// A vector of the file as float32.
  result<value_id> take_vector(const std::string& tensor, std::int64_t length);
  /// The numbers of a vector.
  result<std::vector<float>> read_vector(const std::string& tensor, std::int64_t length) const;
  /// One vector of several, in order; zeros for those that the file lacks, nothing when it lacks all of them.
  struct part {
    std::string tensor;
    std::int64_t length = 0;
  };
  result<value_id> take_joined(const std::string& name, const std::vector<part>& parts);
  value_id add_constant(const std::string& name, tensor data);
  value_id add_state(const std::string& name, const shape& dims);

  /// A node of ONNX's or of Troupe's own, and the value that it makes, which has the node's name.
  value_id add_onnx(const std::string& op, const std::string& name, std::vector<value_id> inputs,
                    attributes given = {});
  value_id add_own(const std::string& op, const std::string& name, std::vector<value_id> inputs, attributes given = {});
  /// The same with two results, "NAME" and "NAME.SECOND".
  std::pair<value_id, value_id> add_own_pair(const std::string& op, const std::string& name, const std::string& second,
                                             std::vector<value_id> inputs, attributes given = {});

  /// RMS normalisation of rows, with the model's epsilon.
  result<value_id> add_norm(const std::string& name, const std::string& tensor, value_id x, std::int64_t length);
  /// x times the transposes of `weights`, side by side, plus a bias that may be left out.
  value_id add_linear(const std::string& name, value_id x, value_id bias, const std::vector<matrix>& weights,
                      std::int64_t columns);
  /// The same with weights of experts; `ids` chooses among them.
  value_id add_expert_linear(const std::string& name, value_id x, value_id ids, const std::vector<matrix>& weights,
                             std::int64_t columns);
  value_id add_sum(const std::string& name, value_id a, value_id b);
  /// Rows `output_rows` of x.
  value_id add_output_rows(const std::string& name, value_id x);

  /// The table for these angles; layers that ask for the same share it.
  result<value_id> add_rotary_table(const std::string& name, const rotary_angles& angles);

  /// Rows of the cache's table, and its states for one layer.
  shape cache_dims() const;
  graph& network() noexcept { return made_.graph; }
  std::int64_t context() const noexcept { return made_.context; }

private:
  value_id add_node(std::string_view domain, int version, const std::string& op, const std::string& name,
                    std::vector<value_id> inputs, std::vector<std::string> outputs, attributes given);
  result<const gguf_tensor*> find(const std::string& tensor, std::int64_t rows, std::int64_t columns,
                                  std::int64_t experts) const;

  const gguf_file& file_;
  const hyperparameters& given_;
  language_model& made_;
  std::map<std::string, matrix> matrices_;
  std::map<std::string, value_id> tables_;
};

/// "blk.3." + rest.
std::string in_layer(std::int64_t layer, std::string_view rest);

}  // namespace troupe::llm
