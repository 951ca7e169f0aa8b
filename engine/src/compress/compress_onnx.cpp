#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <new>
#include <set>

#include "compress/quantize.hpp"
#include "core/file.hpp"
#include "import/onnx_tensor.hpp"
#include "import/protobuf_file.hpp"
#include "troupe/engine/compress.hpp"
#include "troupe/engine/detail/fail.hpp"

// Protobuf counts bytes in an int.
static_assert(sizeof(int) == 4);

namespace troupe {
namespace {

constexpr std::int64_t opset_min = 7;  ///< from here on Mul broadcasts
constexpr std::int64_t ir_with_free_initializers = 4;
constexpr std::size_t message_bytes_max = (std::size_t{1} << 31) - 1;

/// The axis of `weights` along which the results of `step` lie, when they are its operand `position`.
std::size_t channel_axis(const onnx::NodeProto& step, int position, std::size_t rank) {
  if (position == 1 && step.op_type() == "MatMul") return rank - 1;
  if (position == 1 && step.op_type() == "ConvTranspose") return 1;
  if (position == 1 && step.op_type() == "Gemm") {
    for (const auto& attribute : step.attribute())
      if (attribute.name() == "transB" && attribute.i() != 0) return 0;
    return 1;
  }
  // Rows of filters, of embeddings, of recurrent weights [direction, row, column].
  return step.op_type() == "LSTM" || step.op_type() == "GRU" || step.op_type() == "RNN" ? 1 : 0;
}

class compressor {
public:
  compressor(onnx::ModelProto& model, external_data& external, const compress_options& options)
      : model_(model), graph_(*model.mutable_graph()), external_(external), options_(options) {}

  result<compress_report> run() {
    TROUPE_CHECK(check_versions());
    note_names();
    std::vector<onnx::TensorProto> before;
    for (auto& initializer : *graph_.mutable_initializer()) before.push_back(std::move(initializer));
    graph_.clear_initializer();
    for (auto& initializer : before)
      TROUPE_CHECK(take(initializer).while_doing("compressing \"" + initializer.name() + "\""));
    prepend_restoring_nodes();
    model_.set_ir_version(std::max<std::int64_t>(model_.ir_version(), ir_with_free_initializers));
    report_.file_bytes_after = model_.ByteSizeLong();
    // What is no weight is in both files.
    report_.file_bytes_before = report_.file_bytes_after - weights_after_ + weights_before_;
    return std::move(report_);
  }

private:
  result<void> check_versions() const {
    for (const auto& opset : model_.opset_import())
      if (opset.domain().empty() || opset.domain() == "ai.onnx")
        if (opset.version() < opset_min)
          return fail(errc::unsupported, "the model is of opset {}; compression needs {} or later", opset.version(),
                      opset_min);
    return {};
  }

  void note_names() {
    for (const auto& step : graph_.node()) {
      for (int i = 0; i < step.input_size(); ++i) {
        names_.insert(step.input(i));
        uses_.try_emplace(step.input(i), &step, i);
      }
      names_.insert(step.output().begin(), step.output().end());
    }
    for (const auto& initializer : graph_.initializer()) names_.insert(initializer.name());
    for (const auto& output : graph_.output()) outputs_.insert(output.name());
  }

  std::string new_name(const std::string& base, const std::string& ending) {
    std::string made = base + ending;
    while (!names_.insert(made).second) made += "_";
    return made;
  }

  /// Puts the initializer into the graph, as it is or compressed.
  result<void> take(onnx::TensorProto& initializer) {
    const std::string name = initializer.name();
    const bool is_f32 = initializer.data_type() == onnx::TensorProto::FLOAT;
    const auto use = uses_.find(name);
    const bool wanted = is_f32 && initializer.dims_size() >= 2 && use != uses_.end() && !outputs_.count(name);
    if (!is_f32 && initializer.data_location() != onnx::TensorProto::EXTERNAL) {
      *graph_.add_initializer() = std::move(initializer);
      return {};
    }
    TROUPE_TRY(const tensor data, take_tensor(initializer, external_));
    weights_before_ += data.byte_size();
    if (wanted && data.dims().elements() >= options_.elements_min) {
      TROUPE_TRY(const bool done, options_.format == weight_format::f16
                                      ? compress_f16(name, data)
                                      : compress_int8(name, data, *use->second.first, use->second.second));
      if (done) {
        drop_from_inputs(name);
        return {};
      }
    }
    report_.kept += is_f32;
    onnx::TensorProto kept = empty_copy(initializer);
    kept.set_raw_data(data.bytes().data(), data.byte_size());
    weights_after_ += data.byte_size();
    *graph_.add_initializer() = std::move(kept);
    return {};
  }

  result<bool> compress_f16(const std::string& name, const tensor& data) {
    TROUPE_TRY(const tensor half, convert(data, dtype::f16));
    TROUPE_TRY(const tensor back, convert(half, dtype::f32));
    double largest = 0, error = 0;
    const auto from = data.as<float>(), to = back.as<float>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      // Beyond the largest binary16 a weight would be clamped: that is no rounding.
      if (!(std::abs(from[i]) <= 65504.0f)) return false;
      largest = std::max<double>(largest, std::abs(from[i]));
      error = std::max<double>(error, std::abs(static_cast<double>(to[i]) - from[i]));
    }
    const std::string stored = add_initializer(new_name(name, "_f16"), onnx::TensorProto::FLOAT16, half);
    add_cast(stored, name);
    note(name, data.byte_size(), half.byte_size(), largest > 0 ? error / largest : 0);
    return true;
  }

  result<bool> compress_int8(const std::string& name, const tensor& data, const onnx::NodeProto& user, int position) {
    const std::size_t axis = channel_axis(user, position, data.dims().rank());
    auto quantized = quantize_int8(data, axis);
    if (!quantized && quantized.error().code() == errc::invalid_argument) return false;
    TROUPE_TRY(const int8_weights made, std::move(quantized));
    std::vector<std::int64_t> extents(data.dims().rank(), 1);
    extents[axis] = data.dims()[axis];
    TROUPE_TRY(const shape scale_dims, shape::make(extents));
    TROUPE_TRY(const tensor scales, tensor::from<float>(scale_dims, made.scales));
    const std::string stored = add_initializer(new_name(name, "_int8"), onnx::TensorProto::INT8, made.values);
    const std::string factors = add_initializer(new_name(name, "_scale"), onnx::TensorProto::FLOAT, scales);
    const std::string widened = new_name(name, "_widened");
    add_cast(stored, widened);
    onnx::NodeProto scale;
    scale.set_op_type("Mul");
    scale.set_name(name + "_restore");
    scale.add_input(widened);
    scale.add_input(factors);
    scale.add_output(name);
    restoring_.push_back(std::move(scale));
    note(name, data.byte_size(), made.values.byte_size() + scales.byte_size(), made.error_max);
    return true;
  }

  void note(const std::string& name, std::size_t before, std::size_t after, double error) {
    report_.tensors.push_back({name, before, after, error});
  }

  /// Name, shape and type, without any contents.
  static onnx::TensorProto empty_copy(const onnx::TensorProto& from) {
    onnx::TensorProto made;
    made.set_name(from.name());
    made.set_data_type(from.data_type());
    *made.mutable_dims() = from.dims();
    return made;
  }

  std::string add_initializer(const std::string& name, onnx::TensorProto::DataType type, const tensor& data) {
    onnx::TensorProto& made = *graph_.add_initializer();
    made.set_name(name);
    made.set_data_type(type);
    for (const std::int64_t extent : data.dims()) made.add_dims(extent);
    made.set_raw_data(data.bytes().data(), data.byte_size());
    weights_after_ += data.byte_size();
    return name;
  }

  void add_cast(const std::string& from, const std::string& to) {
    onnx::NodeProto cast;
    cast.set_op_type("Cast");
    cast.set_name(to + "_cast");
    cast.add_input(from);
    cast.add_output(to);
    auto& type = *cast.add_attribute();
    type.set_name("to");
    type.set_type(onnx::AttributeProto::INT);
    type.set_i(onnx::TensorProto::FLOAT);
    restoring_.push_back(std::move(cast));
  }

  /// Before IR version 4 every initializer was an input, too.
  void drop_from_inputs(const std::string& name) {
    auto& inputs = *graph_.mutable_input();
    for (int i = inputs.size() - 1; i >= 0; --i)
      if (inputs[i].name() == name) inputs.DeleteSubrange(i, 1);
  }

  void prepend_restoring_nodes() {
    std::vector<onnx::NodeProto> nodes = std::move(restoring_);
    for (auto& step : *graph_.mutable_node()) nodes.push_back(std::move(step));
    graph_.clear_node();
    for (auto& step : nodes) *graph_.add_node() = std::move(step);
  }

  onnx::ModelProto& model_;
  onnx::GraphProto& graph_;
  external_data& external_;
  const compress_options& options_;
  std::set<std::string> names_, outputs_;
  std::map<std::string, std::pair<const onnx::NodeProto*, int>> uses_;  ///< the first of each value
  std::vector<onnx::NodeProto> restoring_;
  std::uint64_t weights_before_ = 0, weights_after_ = 0;
  compress_report report_;
};

}  // namespace

result<compress_report> compress_onnx(const std::filesystem::path& source, const std::filesystem::path& target,
                                      const compress_options& options) try {
  // Raw tensor data in ONNX is little-endian, as everything in memory here.
  static_assert(std::endian::native == std::endian::little);
  const auto work = [&]() -> result<compress_report> {
    onnx::ModelProto model;
    TROUPE_CHECK(parse_protobuf_file(source, model));
    if (!model.has_graph()) return fail(errc::invalid_argument, "it holds no graph; is it an ONNX model?");
    external_data external(source.has_parent_path() ? source.parent_path() : std::filesystem::path("."));
    TROUPE_TRY(auto report, compressor(model, external, options).run());
    const std::uint64_t bytes = report.file_bytes_after;
    if (bytes > message_bytes_max)
      return fail(errc::unsupported, "the compressed model still takes {} bytes; an ONNX file holds at most {}", bytes,
                  message_bytes_max);
    std::vector<std::byte> contents(bytes);
    if (!model.SerializeToArray(contents.data(), static_cast<int>(bytes)))
      return fail(errc::internal, "the compressed model cannot be written in ONNX's format");
    TROUPE_CHECK(write_file(target, contents));
    return report;
  };
  return work().while_doing(fmt::format("compressing the ONNX model {}", source.string()));
} catch (const std::bad_alloc&) {
  return fail(errc::out_of_memory, "the host has no memory to compress the model {}", source.string());
}

}  // namespace troupe
