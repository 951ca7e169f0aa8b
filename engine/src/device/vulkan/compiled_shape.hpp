// A program specialised for one set of input shapes: recorded, and ready to run again and again.
#pragma once

#include "device/host_values.hpp"
#include "device/vulkan/device_core.hpp"
#include "device/vulkan/preparation.hpp"
#include "device/vulkan/profiler.hpp"
#include "device/vulkan/recording.hpp"
#include "device/vulkan/states.hpp"

namespace troupe::vulkan {

/// What the specialisations of one program share. They run one at a time, so one arena and one staging buffer serve all
/// of them; each holds on to the one it was recorded with.
struct program_memory {
  std::shared_ptr<device_core> core;
  std::shared_ptr<const graph> part;
  dtype storage = dtype::f16;
  pipeline_set pipelines;
  weight_store weights;
  prepared_store prepared;
  state_store states;
  std::shared_ptr<const buffer> arena;
  std::shared_ptr<const buffer> staging;
  /// Everything this program submitted: before it is executed, neither memory nor command buffers may be touched.
  serial submitted = 0;
};

class compiled_shape {
public:
  /// Lowers, allocates, uploads the constants that are not there yet, records, and starts compiling what is new.
  static result<std::unique_ptr<compiled_shape>> build(program_memory& shared, specialized_graph model,
                                                       time_point deadline, const cancellation& cancel);

  result<std::vector<tensor>> run(program_memory& shared, std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel);

  /// Runs once from commands that are recorded with timestamps for this purpose.
  result<run_profile> profile(program_memory& shared, std::span<const tensor> inputs, time_point deadline,
                              const cancellation& cancel);

  /// Adds what this shape holds to the program's numbers.
  void add_to(program_stats& stats) const;

private:
  compiled_shape(lowered_graph work, const program_memory& shared) : work_(std::move(work)), own_(shared.core->owner) {}
  result<void> place_arena(program_memory& shared);
  result<void> store_constants(program_memory& shared, time_point deadline, const cancellation& cancel);
  bool is_of_program(const program_memory& shared, value_id constant) const;
  result<void> prepare(program_memory& shared, time_point deadline, const cancellation& cancel);
  result<void> make_pipelines(program_memory& shared, time_point deadline, const cancellation& cancel);
  result<void> warm_up(program_memory& shared);
  /// `watch` may be null.
  result<std::vector<tensor>> execute(program_memory& shared, const recording& commands, std::span<const tensor> inputs,
                                      time_point deadline, const cancellation& cancel, profiler* watch);
  result<void> run_stage(program_memory& shared, const recorded_stage& stage, host_values& values, time_point deadline,
                         const cancellation& cancel);
  result<void> write_uploads(const recorded_stage& stage, host_values& values, dtype storage);
  result<void> read_downloads(const recorded_stage& stage, host_values& values, dtype storage) const;
  std::span<std::byte> host_bytes(const transfer& moved) const;

  lowered_graph work_;
  weight_store own_;  ///< constants that exist in this specialisation only
  prepared_store own_prepared_;
  memory_map map_;
  std::shared_ptr<const buffer> arena_;
  std::shared_ptr<const buffer> staging_;
  std::uint64_t arena_bytes_ = 0;
  std::uint64_t activation_bytes_ = 0;
  recording recorded_;
};

}  // namespace troupe::vulkan
