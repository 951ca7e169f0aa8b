// What an operator is to the rest of the engine: how it infers shapes, its plain fp32 definition, and how it becomes
// compute dispatches. `docs/adding_an_operator.md` is the recipe; `operators.hpp` has the table.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "troupe/engine/graph.hpp"
#include "troupe/engine/memory_layout.hpp"

namespace troupe {

/// Sees one node with everything known about its operands, and sets the type and shape of its outputs.
class infer_context {
public:
  struct operand {
    bool present = false;
    dtype type = dtype::f32;
    shape dims;
    const tensor* value = nullptr;  ///< the contents, when they are known before the run
  };
  struct output {
    bool set = false;
    dtype type = dtype::f32;
    shape dims;
  };

  infer_context(const troupe::node& step, std::vector<operand> operands)
      : step_(step), operands_(std::move(operands)), outputs_(step.outputs.size()) {}

  const troupe::node& step() const noexcept { return step_; }
  std::size_t input_count() const noexcept { return operands_.size(); }
  /// False for an omitted optional operand, also past the end of the list.
  bool has_input(std::size_t i) const noexcept { return i < operands_.size() && operands_[i].present; }
  dtype input_type(std::size_t i) const { return operands_[i].type; }
  const shape& input_dims(std::size_t i) const { return operands_[i].dims; }
  /// The contents of operand i, or nullptr when it is absent or known only at run time.
  const tensor* input_value(std::size_t i) const { return has_input(i) ? operands_[i].value : nullptr; }
  /// The contents of an int32 or int64 operand as int64, or an error that says it must be known before the run.
  result<std::vector<std::int64_t>> input_ints(std::size_t i, std::string_view role) const;

  /// Fails when the node has fewer than `least` or more than `most` operands, or an operand below `least` is omitted.
  result<void> expect_inputs(std::size_t least, std::size_t most) const;
  /// Does nothing for an output the node leaves out.
  void set_output(std::size_t i, dtype type, const shape& dims);
  const std::vector<output>& outputs() const noexcept { return outputs_; }

private:
  const troupe::node& step_;
  std::vector<operand> operands_;
  std::vector<output> outputs_;
};

/// Sees one node with the contents of its operands, and writes its outputs, which already have their inferred type
/// and shape.
class reference_context {
public:
  /// `states`: by operand; empty when the node has none.
  reference_context(const troupe::node& step, std::vector<const tensor*> inputs, std::vector<tensor*> outputs,
                    std::vector<tensor*> states = {})
      : step_(step), inputs_(std::move(inputs)), outputs_(std::move(outputs)), states_(std::move(states)) {}

  const troupe::node& step() const noexcept { return step_; }
  std::size_t input_count() const noexcept { return inputs_.size(); }
  std::size_t output_count() const noexcept { return outputs_.size(); }
  bool has_input(std::size_t i) const noexcept { return i < inputs_.size() && inputs_[i]; }
  bool wants_output(std::size_t i) const noexcept { return i < outputs_.size() && outputs_[i]; }
  const tensor& input(std::size_t i) const { return *inputs_[i]; }
  tensor& output(std::size_t i) const { return *outputs_[i]; }
  /// The operand as fp32, converted if necessary.
  result<std::vector<float>> input_floats(std::size_t i) const;
  /// Stores fp32 values into output i, rounded to its type (clamped, for f16).
  result<void> set_output_floats(std::size_t i, std::span<const float> values) const;
  /// A state of the graph, which keeps what is written to it; operand i must be in `state_inputs`.
  tensor& state(std::size_t i) const { return *states_[i]; }
  /// The operand as int64, from any integer type.
  result<std::vector<std::int64_t>> input_ints(std::size_t i) const;

private:
  const troupe::node& step_;
  std::vector<const tensor*> inputs_;
  std::vector<tensor*> outputs_;
  std::vector<tensor*> states_;
};

/// How the elements of an operand lie in device memory. Floating-point values of a model are kept in the program's
/// storage type (f16, or f32 on request); indices as 32-bit integers; results for the caller that need more digits than
/// f16 has as fp32; blocks of quantised weights as the bytes they are.
enum class storage_kind : std::uint8_t { activation, index32, float32, bytes };

/// An operand of a dispatch: output (or scratch) when `written`.
struct dispatch_operand {
  std::uint32_t slot;  ///< see `lowering_context`
  bool written = false;
  /// Bound as a uniform texel buffer of 16-byte words (RGBA32UI for f16 storage, RGBA32F for f32) and not as a storage
  /// buffer. Only for operands that are read, and where `lowering_context::reads_texels` says so.
  bool texels = false;
  /// Binds `part_elements` elements (0: all that follow) from element `part_begin` on, a multiple of
  /// `part_alignment`: how a kernel reaches more than one binding holds.
  std::int64_t part_begin = 0, part_elements = 0;
};

/// Elements: no Vulkan device wants bindings to begin at multiples of more than 256 bytes.
inline constexpr std::int64_t part_alignment = 128;

/// One compute dispatch as plain data: a shader by name (variants by storage type are chosen by the device), the
/// operands bound as storage or texel buffers 0, 1, ... of set 0, at most 128 bytes of push constants, 32-bit
/// specialization constants 0, 1, ..., and the number of workgroups.
struct dispatch {
  std::string_view shader;
  std::vector<dispatch_operand> operands;
  std::vector<std::byte> push_constants;
  std::vector<std::uint32_t> specialization;
  std::array<std::uint32_t, 3> groups{1, 1, 1};
  std::size_t node = 0;  ///< index of the graph's node it belongs to; set by whoever lowers the graph
};

/// What kernels may choose by. The same on every run of one device.
struct device_traits {
  bool software = false;  ///< runs on the CPU (lavapipe)
  std::uint32_t subgroup_size = 1;
  std::uint32_t shared_memory_bytes = 16384;
  std::uint32_t group_invocations_max = 128;
  std::array<std::uint32_t, 3> group_count_max{65535, 65535, 65535};
  std::uint64_t storage_range_max = std::uint64_t{1} << 27;  ///< bytes of one binding
  /// Operands are best read through texel buffers: drivers for the CPU before Mesa 26 load storage buffers lane by
  /// lane.
  bool texel_reads = false;
  std::uint64_t texel_elements_max = 65536;  ///< 16-byte words of one texel buffer
  bool subgroup_shuffle = false;             ///< any lane reads any other lane's value
  bool subgroup_arithmetic = false;
  std::uint32_t mesa_version = 0;  ///< major; 0 for other drivers
};

/// Which kernels run: those for drivers on the CPU (a subgroup owns its tile, no shared memory), or those for GPUs.
enum class kernel_family : std::uint8_t { automatic, software, gpu };

/// `traits` of a device that shall get the kernels of `family`.
device_traits traits_for(device_traits traits, kernel_family family) noexcept;

/// Sees one node with the shapes of its operands, and says which dispatches compute it.
class lowering_context {
public:
  struct operand {
    bool present = false;
    shape dims;
    dtype type = dtype::f32;
    const tensor* value = nullptr;                ///< the contents, when they are known before the run
    std::uint32_t slot = 0;                       ///< names the operand's memory in dispatches
    memory_layout layout = memory_layout::plain;  ///< as `operator_definition::layouts` asked for
  };

  lowering_context(const troupe::node& step, const device_traits& traits, dtype storage, std::vector<operand> inputs,
                   std::vector<operand> outputs, std::uint32_t first_free_slot)
      : step_(step),
        traits_(traits),
        storage_(storage),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        next_slot_(first_free_slot) {}

  const troupe::node& step() const noexcept { return step_; }
  const device_traits& traits() const noexcept { return traits_; }
  /// f16 or f32: how activations lie in memory.
  dtype storage() const noexcept { return storage_; }
  std::size_t input_count() const noexcept { return inputs_.size(); }
  bool has_input(std::size_t i) const noexcept { return i < inputs_.size() && inputs_[i].present; }
  dtype input_type(std::size_t i) const { return inputs_[i].type; }
  const shape& input_dims(std::size_t i) const { return inputs_[i].dims; }
  const tensor* input_value(std::size_t i) const { return has_input(i) ? inputs_[i].value : nullptr; }
  const shape& output_dims(std::size_t i) const { return outputs_[i].dims; }
  memory_layout input_layout(std::size_t i) const { return inputs_[i].layout; }
  memory_layout output_layout(std::size_t i) const { return outputs_[i].layout; }
  dtype output_type(std::size_t i) const { return outputs_[i].type; }

  dispatch_operand read(std::size_t input) const { return {inputs_[input].slot, false}; }
  /// For operands in `operator_definition::state_inputs`.
  dispatch_operand change(std::size_t input) const { return {inputs_[input].slot, true}; }
  dispatch_operand write(std::size_t output) const { return {outputs_[output].slot, true}; }
  /// True when an operand of so many storage elements should be read through a texel buffer.
  bool reads_texels(std::int64_t elements) const noexcept;
  /// Memory of `elements` storage elements that lives for this node only; give it to dispatches read or written.
  std::uint32_t scratch(std::int64_t elements) { return add_scratch(elements, storage_kind::activation); }
  /// The same in bytes, for what no storage type describes (packed weights, fp32 sums). Texel buffers show it in words
  /// of four 32-bit integers.
  std::uint32_t scratch_bytes(std::int64_t bytes) { return add_scratch(bytes, storage_kind::bytes); }

  /// Appends one dispatch. The device runs dispatches as if in order, with barriers where ranges overlap.
  void add(dispatch work) { dispatches_.push_back(std::move(work)); }
  /// Output `out` is input `in` under another shape: no work at all.
  void alias(std::size_t out, std::size_t in) { aliases_.push_back({out, in}); }

  /// Appends a copy of input `in` to `offset` elements from the beginning of output `out`, as they lie in memory. It is
  /// left out when the device can have the input made there in the first place.
  void add_copy_or_place(dispatch copy, std::size_t out, std::size_t in, std::int64_t offset) {
    placements_.push_back({dispatches_.size(), out, in, offset});
    add(std::move(copy));
  }

  struct placement {
    std::size_t dispatch;  ///< index of the copy
    std::size_t output, input;
    std::int64_t offset;
  };
  const std::vector<placement>& placements() const noexcept { return placements_; }
  const std::vector<dispatch>& dispatches() const noexcept { return dispatches_; }
  struct alias_pair {
    std::size_t output, input;
  };
  const std::vector<alias_pair>& aliases() const noexcept { return aliases_; }
  struct scratch_block {
    std::uint32_t slot;
    std::int64_t elements;
    storage_kind kind;
  };
  const std::vector<scratch_block>& scratches() const noexcept { return scratches_; }

private:
  std::uint32_t add_scratch(std::int64_t elements, storage_kind kind);

  const troupe::node& step_;
  const device_traits& traits_;
  dtype storage_;
  std::vector<operand> inputs_, outputs_;
  std::uint32_t next_slot_;
  std::vector<dispatch> dispatches_;
  std::vector<alias_pair> aliases_;
  std::vector<scratch_block> scratches_;
  std::vector<placement> placements_;
};

/// The bytes of a trivially copyable push-constant block (std430 layout: 4-byte members only).
template <class Block>
std::vector<std::byte> push_bytes(const Block& block) {
  static_assert(std::is_trivially_copyable_v<Block> && sizeof(Block) <= 128);
  std::vector<std::byte> bytes(sizeof(Block));
  std::memcpy(bytes.data(), &block, sizeof(Block));
  return bytes;
}

/// Workgroups of `group_size` invocations that cover `invocations`, folded over x and y when x alone is not enough;
/// the shader recovers the index with `global_index()` of `indexing.glsl` and drops what is past the end.
std::array<std::uint32_t, 3> groups_for(std::int64_t invocations, std::uint32_t group_size,
                                        const device_traits& traits);

class expansion;  // graph/expansion.hpp

/// Everything the engine knows about one operator.
struct operator_definition {
  std::string_view name;   ///< ONNX name
  int since_version = 1;   ///< first opset whose semantics are implemented
  int until_version = 25;  ///< last one
  /// Operands whose contents must be known on the host before the shapes are (Reshape's shape, Pad's pads). A graph
  /// input that feeds one is read when the program is specialised, and a change of its contents specialises anew.
  std::vector<std::size_t> host_inputs;
  /// The outputs depend on the shapes of the operands only (Shape), never on their contents.
  bool shape_only = false;
  /// Operands that hold indices: converted to 32-bit integers in device memory.
  std::vector<std::size_t> index_inputs;
  /// u8 constants from this position on lie in device memory as the bytes they are. Their parts count bytes.
  std::optional<std::size_t> byte_inputs_from;
  /// States of the graph that the node changes; its dispatches may write them.
  std::vector<std::size_t> state_inputs;
  /// Results that lie in device memory as fp32 whatever the program's storage type is. No node on the device can read
  /// them: they are for the caller.
  std::vector<std::size_t> float32_outputs;

  result<void> (*infer)(infer_context&) = nullptr;
  result<void> (*reference)(reference_context&) = nullptr;
  /// Null: the node runs on the host. Also used only when every operand that is not an index or host input, and every
  /// output, is float16 or float32; integer arithmetic runs on the host, exactly.
  result<void> (*lower)(lowering_context&) = nullptr;
  /// Which operands and results may lie in blocks of channels; asked before `lower`, which finds the decision in
  /// `input_layout` and `output_layout`. It must depend on nothing but shapes of one image, attributes and constants:
  /// the bits of a result must be the same in every batch. Null: everything is plain.
  layout_offer (*layouts)(const lowering_context&) = nullptr;
  /// Operators that say which nodes run (If, Loop, Scan) or where tensors are kept (sequences), instead of computing
  /// something: puts other nodes in the place of the node when the graph is specialised. They have nothing else of the
  /// above but `host_inputs` and `shape_only`, so that no device ever sees them.
  result<void> (*expand)(expansion&, const node&) = nullptr;
};

}  // namespace troupe
