// A graph on a Vulkan device.
#pragma once

#include "device/shape_cache.hpp"
#include "device/vulkan/compiled_shape.hpp"

namespace troupe::vulkan {

class vulkan_program final : public program {
public:
  /// Checks `part`, and compiles it for the shapes of its inputs if they are declared. Where extents are unknown, it is
  /// compiled for 1 in their place if that works: its weights and most pipelines are what later shapes need too.
  static result<std::unique_ptr<program>> load(std::shared_ptr<device_core> core, std::shared_ptr<const graph> part,
                                               const program_options& options);

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override;
  result<run_profile> profile(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel) override;
  program_stats stats() const override;

private:
  vulkan_program(std::shared_ptr<device_core> core, std::shared_ptr<const graph> part, dtype storage);
  result<void> prepare();
  /// Checks the inputs and finds, or makes, what runs them.
  result<compiled_shape*> ready_for(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel);
  result<compiled_shape*> shape_for(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel);

  program_memory memory_;
  std::vector<std::size_t> host_inputs_;
  shape_cache<compiled_shape> shapes_;
};

}  // namespace troupe::vulkan
