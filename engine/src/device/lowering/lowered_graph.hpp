// A specialised graph as a device runs it: which nodes run on the host, which become dispatches, in which order, what
// moves between the two, and how long each piece of device memory is needed. Plain data; knows no Vulkan.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "device/lowering/memory_plan.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {

/// Where the memory behind a slot is.
enum class slot_home : std::uint8_t {
  unused,    ///< no dispatch touches it
  constant,  ///< with the weights, written once
  prepared,  ///< made of constants by a preparation, once
  state,     ///< kept from run to run, zeros at first
  arena,     ///< in the block that `lifetimes` shares out
};

/// A piece of device memory as dispatches name it. Slot i is value i of the graph; scratch memory comes after.
struct memory_slot {
  slot_home home = slot_home::unused;
  storage_kind kind = storage_kind::activation;
  std::int64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint32_t root = 0;      ///< the slot whose memory this one is; itself, unless it is an alias
  std::uint32_t lifetime = 0;  ///< index into `lifetimes`, for a root in the arena
  std::uint64_t begin = 0;     ///< bytes from the beginning of that block: several slots may be parts of one
};

/// A run of nodes: first those on the host, then uploads, dispatches and downloads as one submission.
struct stage {
  std::vector<std::size_t> host_nodes;  ///< indices into the graph's nodes
  std::vector<value_id> uploads;
  std::vector<dispatch> dispatches;
  std::vector<value_id> downloads;
  bool on_device() const noexcept { return !dispatches.empty() || !uploads.empty() || !downloads.empty(); }
};

struct lowered_graph {
  specialized_graph model;
  dtype storage = dtype::f16;
  std::vector<memory_slot> slots;
  /// Dispatches that read nothing but constants and write scratch memory of their own (weights repacked for a kernel,
  /// say): they run once, when the program is compiled. In order.
  std::vector<dispatch> preparations;
  std::vector<stage> stages;
  std::vector<lifetime> lifetimes;
  /// Constants that dispatches read at every run.
  std::vector<value_id> device_constants;
  /// Constants that only preparations read: needed on the device no longer than they take.
  std::vector<value_id> preparation_constants;
  /// States that dispatches read or change.
  std::vector<value_id> device_states;
  /// For each value that exists on the host during a run.
  std::vector<bool> on_host;

  const shape& dims(value_id id) const { return model.dims[id]; }
  const value_info& value(value_id id) const { return model.graph.values[id]; }
  std::size_t host_node_count() const noexcept;
  std::size_t dispatch_count() const noexcept;
};

/// Where in its slot's memory an operand begins, and how much of it is bound.
struct operand_bytes {
  std::uint64_t begin = 0, bytes = 0;
};
operand_bytes binding_of(const lowered_graph& work, const dispatch_operand& operand);

/// What lowering must know about a device besides what kernels choose by.
struct lowering_target {
  device_traits traits;
  dtype storage = dtype::f16;
  std::uint32_t operands_max = 16;  ///< storage buffers of one dispatch
  std::uint32_t texel_operands_max = 16;
  std::uint64_t alignment = 256;  ///< bytes: bindings begin at multiples of it
  /// Says whether there is a kernel of this name.
  std::function<bool(std::string_view)> has_kernel;
};

/// Lowers every node that can run on the device and checks each dispatch against the target. A node runs on the host
/// when its operator has no `lower`, when a data operand or an output is neither float16 nor float32, or when one of
/// them has no elements. A tensor that exceeds one binding is an `unsupported` error that names it.
result<lowered_graph> lower(specialized_graph model, const operator_table& operators, const lowering_target& target);

}  // namespace troupe
