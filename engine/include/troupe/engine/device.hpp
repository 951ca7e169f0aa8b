// Devices run programs. Three kinds behind one interface: Vulkan, `reference` (plain fp32 loops on the host: the
// truth in tests), and `null` (lowers everything, computes nothing).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "troupe/engine/deadline.hpp"
#include "troupe/engine/graph.hpp"
#include "troupe/engine/operators.hpp"
#include "troupe/engine/profile.hpp"

namespace troupe {

enum class device_kind : std::uint8_t { vulkan, reference, null };

/// What a device is, for people and for choosing kernels and placements.
struct device_info {
  device_kind kind = device_kind::reference;
  std::size_t index = 0;           ///< position in `list_devices()`; how `--device N` names it
  std::string name;                ///< as the driver says, e.g. "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;              ///< driver name and version
  std::string type;                ///< "discrete", "integrated", "virtual", "cpu", "host"
  std::string api_version;         ///< of Vulkan; empty otherwise
  std::string uuid;                ///< stable between processes; hexadecimal
  std::uint64_t memory_bytes = 0;  ///< of the largest device-local heap
  std::uint64_t allocation_bytes_max = 0;
  bool fp16_storage = false;
  bool fp16_arithmetic = false;
  bool cooperative_matrix = false;
  device_traits traits;
};

/// How a program is made.
struct program_options {
  /// f16 (default), or f32 where the last digits matter more than memory and speed.
  dtype storage = dtype::f16;
};

/// What a program holds and does, for reports and for tests that lock the numbers.
struct program_stats {
  std::size_t weight_bytes = 0;      ///< constants in device memory
  std::size_t arena_bytes = 0;       ///< activations, after lifetimes are overlaid
  std::size_t activation_bytes = 0;  ///< the same without overlaying
  std::size_t staging_bytes = 0;
  std::size_t state_bytes = 0;  ///< what is kept from run to run
  std::size_t pipelines = 0;
  std::size_t dispatches = 0;  ///< of the most recently used shape
  std::size_t barriers = 0;
  std::size_t host_nodes = 0;  ///< nodes of that shape that run on the host
};

/// A graph compiled for one device. One thread at a time.
class program {
public:
  virtual ~program() = default;

  /// Runs the graph once. `inputs` are in the order of `graph::inputs`, their types as declared (any floating-point
  /// type where the graph declares one); outputs in the order of `graph::outputs`, in their declared types. Shapes may
  /// differ from call to call: the program keeps the `limits::program_shapes_max` most recent specialisations ready.
  /// Ends with `deadline_exceeded` or `cancelled` within 50 ms of that event; after `device_lost` the program and its
  /// device are of no further use.
  virtual result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                          const cancellation& cancel = {}) = 0;

  /// Runs the graph once as `run` does, and says how long each piece took. Costs a recording of its own; meant for
  /// finding out, not for production. `unsupported` on a device that has no clock, or computes nothing.
  virtual result<run_profile> profile(std::span<const tensor> inputs, time_point deadline,
                                      const cancellation& cancel = {}) = 0;

  virtual program_stats stats() const = 0;
};

/// Owns what it needs to run programs; everything it made must be destroyed before it (a program keeps its device
/// alive by itself). Safe to use from several threads; programs of one device take turns.
class device {
public:
  virtual ~device() = default;
  virtual const device_info& info() const noexcept = 0;
  /// Compiles `part`, uploads its constants and warms the pipelines that can be known before the first input.
  virtual result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part,
                                                const program_options& options = {}) = 0;
};

/// A seam for fault injection: asked before every call into the driver, it may make the call fail.
class device_fault_hook {
public:
  virtual ~device_fault_hook() = default;
  /// `call` names the driver function. Returning `device_lost`, `unavailable` (the driver cannot start now), `internal`
  /// (an error of no known kind) or `out_of_memory` makes it fail so; nothing lets it pass. Called from any thread.
  virtual std::optional<errc> before_call(std::string_view call) = 0;
};

/// How a device is opened.
struct device_options {
  /// Keeps compiled pipelines between processes; empty: none.
  std::string pipeline_cache_directory;
  /// Turns on the validation layer when it is installed; its messages go to `on_message`.
  bool validation = false;
  /// Called with driver and validation messages, from any thread. May be empty.
  std::function<void(const std::string&)> on_message;
  /// For tests: see above. May be empty.
  std::shared_ptr<device_fault_hook> fault_hook;
  /// Overrides the choice that the device's traits make: for comparing kernels, and for testing those of a GPU without
  /// one. Results of different families differ in the last bits.
  kernel_family kernels = kernel_family::automatic;
};

/// Every Vulkan device of this machine in order of preference (discrete, integrated, virtual, cpu), then `reference`.
/// An error when the Vulkan loader itself fails; a machine without a Vulkan device gives `reference` alone.
result<std::vector<device_info>> list_devices();

/// Opens the device that `selector` names: "" (the best), an index, a part of a name (case ignored), "reference" or
/// "null". The error for an unknown one lists what there is. The device keeps `operators` alive.
result<std::shared_ptr<device>> open_device(std::string_view selector, std::shared_ptr<const operator_table> operators,
                                            const device_options& options = {});

}  // namespace troupe
