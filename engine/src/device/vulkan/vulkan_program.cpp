#include "device/vulkan/vulkan_program.hpp"

#include <new>

#include "device/example_inputs.hpp"
#include "device/memory_budget.hpp"
#include "device/waiting.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

error no_host_memory() {
  return fail(errc::out_of_memory, "the host has no memory for the program; use a smaller model or batch");
}

}  // namespace

vulkan_program::vulkan_program(std::shared_ptr<device_core> core, std::shared_ptr<const graph> part, dtype storage)
    : memory_{.core = core,
              .part = std::move(part),
              .storage = storage,
              .pipelines = pipeline_set(core->owner, core->kernels, storage == dtype::f16),
              .weights = weight_store(core->owner),
              .prepared = {},
              .states = state_store(core->owner),
              .arena = {},
              .staging = {}},
      host_inputs_(host_inputs(*memory_.part, *core->operators)) {}

result<std::unique_ptr<program>> vulkan_program::load(std::shared_ptr<device_core> core,
                                                      std::shared_ptr<const graph> part,
                                                      const program_options& options) try {
  if (options.storage != dtype::f16 && options.storage != dtype::f32)
    return fail(errc::invalid_argument, "a program stores activations as float16 or float32, not as {}",
                to_string(options.storage));
  TROUPE_CHECK(validate(*part));
  TROUPE_CHECK(check_operators(*part, *core->operators));
  TROUPE_CHECK(check_states_fit(*part, options.storage, memory_budget(core->owner->properties().info)));
  std::unique_ptr<vulkan_program> made(new vulkan_program(std::move(core), std::move(part), options.storage));
  TROUPE_CHECK(made->prepare());
  return std::unique_ptr<program>(std::move(made));
} catch (const std::bad_alloc&) {
  return no_host_memory();
}

result<void> vulkan_program::prepare() {
  if (!host_inputs_.empty()) return {};
  const auto example = make_example_inputs(*memory_.part);
  if (!example) return {};
  const auto deadline = steady_clock::now() + load_limit;
  const auto shape = shape_for(example->tensors, deadline, {});
  if (!shape) {
    // A network may have no meaning for extents of 1, but a device that fails now fails later.
    const errc code = shape.error().code();
    const bool fatal = example->exact || code == errc::device_lost || code == errc::out_of_memory;
    return fatal ? result<void>(shape.error()) : result<void>();
  }
  return memory_.core->owner->wait(memory_.submitted, deadline, {});
}

result<compiled_shape*> vulkan_program::shape_for(std::span<const tensor> inputs, time_point deadline,
                                                  const cancellation& cancel) {
  shape_key key = key_of(inputs, host_inputs_);
  if (compiled_shape* known = shapes_.find(key)) return known;
  TROUPE_TRY(auto model, specialize(*memory_.part, *memory_.core->operators, inputs, deadline, cancel));
  shapes_.make_room();
  const std::size_t pipelines_before = memory_.pipelines.size();
  TROUPE_TRY(auto made, compiled_shape::build(memory_, std::move(model), deadline, cancel));
  if (memory_.pipelines.size() > pipelines_before) memory_.core->cache->save(*memory_.core->owner);
  return &shapes_.insert(std::move(key), std::move(made));
}

result<compiled_shape*> vulkan_program::ready_for(std::span<const tensor> inputs, time_point deadline,
                                                  const cancellation& cancel) {
  TROUPE_CHECK(still_wanted(deadline, cancel));
  TROUPE_CHECK(check_inputs(*memory_.part, inputs));
  if (memory_.core->owner->vk().lost())
    return fail(errc::device_lost, "the device \"{}\" was lost; open it again and load the program anew",
                memory_.core->owner->properties().info.name);
  return shape_for(inputs, deadline, cancel);
}

result<std::vector<tensor>> vulkan_program::run(std::span<const tensor> inputs, time_point deadline,
                                                const cancellation& cancel) try {
  TROUPE_TRY(compiled_shape* const shape, ready_for(inputs, deadline, cancel));
  return shape->run(memory_, inputs, deadline, cancel);
} catch (const std::bad_alloc&) {
  return no_host_memory();
}

result<run_profile> vulkan_program::profile(std::span<const tensor> inputs, time_point deadline,
                                            const cancellation& cancel) try {
  TROUPE_TRY(compiled_shape* const shape, ready_for(inputs, deadline, cancel));
  return shape->profile(memory_, inputs, deadline, cancel);
} catch (const std::bad_alloc&) {
  return no_host_memory();
}

program_stats vulkan_program::stats() const {
  program_stats stats;
  stats.weight_bytes = static_cast<std::size_t>(memory_.weights.bytes() + memory_.prepared.bytes());
  stats.state_bytes = static_cast<std::size_t>(memory_.states.bytes());
  stats.pipelines = memory_.pipelines.size();
  if (const compiled_shape* shape = shapes_.latest()) shape->add_to(stats);
  return stats;
}

}  // namespace troupe::vulkan
