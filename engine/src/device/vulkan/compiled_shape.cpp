#include "device/vulkan/compiled_shape.hpp"

#include "device/lowering/storage_format.hpp"
#include "device/waiting.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

/// Submissions of one run that may be unfinished at a time: two keep the device busy, and bound what it still does
/// after a cancellation.
constexpr std::size_t submissions_ahead = 2;
/// Constants that wait in device memory to be prepared, at a time; two such batches exist at once.
constexpr std::uint64_t preparation_source_bytes = std::uint64_t{32} << 20;

lowering_target target_of(const program_memory& shared) {
  const adapter& device = shared.core->owner->properties();
  const bool f16 = shared.storage == dtype::f16;
  return {.traits = device.info.traits,
          .storage = shared.storage,
          .operands_max =
              std::min(device.limits.maxPerStageDescriptorStorageBuffers, device.limits.maxDescriptorSetStorageBuffers),
          .texel_operands_max =
              std::min(device.limits.maxPerStageDescriptorSampledImages, device.limits.maxDescriptorSetSampledImages),
          .alignment = memory_alignment(*shared.core->owner),
          .has_kernel = [&kernels = shared.core->kernels, f16](std::string_view name) {
            return !kernels(name, f16).empty();
          }};
}

/// Gives `held` a buffer of at least `bytes`: the one in `shared`, or a new one that takes its place there.
result<void> share_buffer(gpu& owner, std::uint64_t bytes, buffer_use use, std::string_view what,
                          std::shared_ptr<const buffer>& shared, std::shared_ptr<const buffer>& held) {
  if (!shared || shared->size() < bytes) {
    TROUPE_TRY(buffer made, buffer::make(owner, bytes, use, what));
    shared = std::make_shared<const buffer>(std::move(made));
  }
  held = shared;
  return {};
}

}  // namespace

result<std::unique_ptr<compiled_shape>> compiled_shape::build(program_memory& shared, specialized_graph model,
                                                              time_point deadline, const cancellation& cancel) {
  TROUPE_TRY(auto work, lower(std::move(model), *shared.core->operators, target_of(shared)));
  std::unique_ptr<compiled_shape> made(new compiled_shape(std::move(work), shared));
  TROUPE_CHECK(made->place_arena(shared));
  TROUPE_CHECK(made->store_constants(shared, deadline, cancel));
  TROUPE_CHECK(made->make_pipelines(shared, deadline, cancel));
  TROUPE_CHECK(made->prepare(shared, deadline, cancel));
  TROUPE_TRY(made->recorded_, recording::make(*shared.core->owner, made->work_, made->map_, shared.pipelines));
  TROUPE_CHECK(made->warm_up(shared));
  return made;
}

result<void> compiled_shape::place_arena(program_memory& shared) {
  gpu& owner = *shared.core->owner;
  const std::uint64_t alignment = memory_alignment(owner);
  const memory_plan plan = plan_memory(work_.lifetimes, alignment);
  arena_bytes_ = plan.bytes;
  activation_bytes_ = plan.bytes_unshared;
  map_.regions.resize(work_.slots.size());
  for (const value_id id : work_.device_states) {
    TROUPE_TRY(map_.regions[id], shared.states.place(id, work_.slots[id].bytes, work_.value(id).name));
    map_.states.push_back(map_.regions[id].buffer);
  }
  if (plan.bytes == 0) return {};
  TROUPE_CHECK(share_buffer(owner, plan.bytes, buffer_use::storage, "the activations", shared.arena, arena_));
  map_.arena = arena_->handle();
  const bool direct = !arena_->mapped().empty();
  if (const std::uint64_t bytes = staging_bytes(work_, alignment); !direct && bytes > 0) {
    TROUPE_CHECK(
        share_buffer(owner, bytes, buffer_use::staging, "the copies of inputs and outputs", shared.staging, staging_));
    map_.staging = staging_->handle();
  }
  for (std::size_t i = 0; i < work_.slots.size(); ++i) {
    const memory_slot& slot = work_.slots[i];
    if (slot.home != slot_home::arena) continue;
    const std::uint64_t padded = (slot.bytes + alignment - 1) / alignment * alignment;
    map_.regions[i] = {map_.arena, plan.offsets[slot.lifetime] + slot.begin, padded};
  }
  return {};
}

result<void> compiled_shape::store_constants(program_memory& shared, time_point deadline, const cancellation& cancel) {
  std::vector<weight_store::item> of_program, of_shape;
  for (const value_id id : work_.device_constants) {
    const tensor& contents = work_.model.graph.constants.at(id);
    const memory_slot& slot = work_.slots[id];
    const weight_store::item item{id, slot.bytes, &contents, work_.value(id).name, slot.kind};
    (is_of_program(shared, id) ? of_program : of_shape).push_back(item);
  }
  TROUPE_CHECK(shared.weights.add(of_program, shared.storage, deadline, cancel));
  TROUPE_CHECK(own_.add(of_shape, shared.storage, deadline, cancel));
  for (const auto& item : of_program) map_.regions[item.id] = *shared.weights.find(item.id);
  for (const auto& item : of_shape) map_.regions[item.id] = *own_.find(item.id);
  return {};
}

/// False for what folding made for these shapes only.
bool compiled_shape::is_of_program(const program_memory& shared, value_id constant) const {
  const auto original = shared.part->constants.find(constant);
  return original != shared.part->constants.end() &&
         original->second.storage() == work_.model.graph.constants.at(constant).storage();
}

result<void> compiled_shape::prepare(program_memory& shared, time_point deadline, const cancellation& cancel) {
  gpu& owner = *shared.core->owner;
  preparation missing(work_, memory_alignment(owner));
  missing.plan([&](value_id constant) { return is_of_program(shared, constant); }, shared.prepared, own_prepared_,
               map_);
  if (missing.empty()) return {};
  TROUPE_CHECK(missing.allocate(owner, map_));
  serial before = 0;
  for (const preparation::batch& part : missing.batches(preparation_source_bytes)) {
    // Gone as soon as the device has read them: only the prepared form is needed later.
    weight_store sources(shared.core->owner);
    std::vector<weight_store::item> items;
    for (const value_id id : part.constants)
      items.push_back({id, work_.slots[id].bytes, &work_.model.graph.constants.at(id), work_.value(id).name,
                       work_.slots[id].kind});
    TROUPE_CHECK(sources.add(items, shared.storage, deadline, cancel));
    for (const auto& item : items) map_.regions[item.id] = *sources.find(item.id);
    TROUPE_TRY(shared.submitted, missing.submit(owner, shared.pipelines, map_, part));
    // The device works on this batch while the host converts the next.
    TROUPE_CHECK(owner.wait(std::exchange(before, shared.submitted), deadline, cancel));
  }
  missing.keep(shared.prepared, own_prepared_);
  return {};
}

result<void> compiled_shape::make_pipelines(program_memory& shared, time_point deadline, const cancellation& cancel) {
  std::vector<pipeline_key> keys;
  for (const dispatch& step : work_.preparations) keys.push_back(key_of(step));
  for (const stage& part : work_.stages)
    for (const dispatch& step : part.dispatches) keys.push_back(key_of(step));
  return shared.pipelines.add(keys, shared.core->cache->handle(), deadline, cancel);
}

result<void> compiled_shape::warm_up(program_memory& shared) {
  const auto cold = shared.pipelines.take_cold();
  if (cold.empty()) return {};
  gpu& owner = *shared.core->owner;
  TROUPE_TRY(const VkCommandBuffer commands, recorded_.record_warm_up(owner, work_, shared.pipelines, cold));
  TROUPE_TRY(shared.submitted, owner.submit(commands));
  return {};
}

result<std::vector<tensor>> compiled_shape::run(program_memory& shared, std::span<const tensor> inputs,
                                                time_point deadline, const cancellation& cancel) {
  return execute(shared, recorded_, inputs, deadline, cancel, nullptr);
}

result<run_profile> compiled_shape::profile(program_memory& shared, std::span<const tensor> inputs, time_point deadline,
                                            const cancellation& cancel) {
  gpu& owner = *shared.core->owner;
  TROUPE_TRY(const recording timed, recording::make(owner, work_, map_, shared.pipelines, true));
  profiler watch(work_);
  TROUPE_CHECK(execute(shared, timed, inputs, deadline, cancel, &watch));
  return watch.finish(owner, timed);
}

result<std::vector<tensor>> compiled_shape::execute(program_memory& shared, const recording& commands,
                                                    std::span<const tensor> inputs, time_point deadline,
                                                    const cancellation& cancel, profiler* watch) {
  host_values values(work_);
  TROUPE_CHECK(values.set_inputs(inputs));
  // A run that was given up earlier may still be using the arena.
  TROUPE_CHECK(shared.core->owner->wait(shared.submitted, deadline, cancel));
  for (std::size_t i = 0; i < work_.stages.size(); ++i) {
    for (const std::size_t step : work_.stages[i].host_nodes) {
      TROUPE_CHECK(still_wanted(deadline, cancel));
      const double begin_us = watch ? watch->now_us() : 0;
      TROUPE_CHECK(values.run_node(work_.model.graph.nodes[step], *shared.core->operators));
      if (watch) watch->host_node(step, begin_us);
    }
    if (watch) watch->submitted(i);
    TROUPE_CHECK(run_stage(shared, commands.stages()[i], values, deadline, cancel));
  }
  return values.outputs();
}

result<void> compiled_shape::run_stage(program_memory& shared, const recorded_stage& stage, host_values& values,
                                       time_point deadline, const cancellation& cancel) {
  if (stage.commands.empty()) return {};
  gpu& owner = *shared.core->owner;
  TROUPE_CHECK(write_uploads(stage, values, shared.storage));
  std::vector<serial> sent;
  for (const VkCommandBuffer commands : stage.commands) {
    TROUPE_CHECK(still_wanted(deadline, cancel));
    if (sent.size() >= submissions_ahead)
      TROUPE_CHECK(owner.wait(sent[sent.size() - submissions_ahead], deadline, cancel));
    TROUPE_TRY(shared.submitted, owner.submit(commands));
    sent.push_back(shared.submitted);
  }
  TROUPE_CHECK(owner.wait(shared.submitted, deadline, cancel));
  return read_downloads(stage, values, shared.storage);
}

std::span<std::byte> compiled_shape::host_bytes(const transfer& moved) const {
  const auto mapped = (staging_ ? *staging_ : *arena_).mapped();
  return mapped.subspan(static_cast<std::size_t>(moved.host_offset), static_cast<std::size_t>(moved.bytes));
}

result<void> compiled_shape::write_uploads(const recorded_stage& stage, host_values& values, dtype storage) {
  for (const transfer& moved : stage.uploads) {
    TROUPE_TRY(const tensor* data, values.get(moved.value));
    TROUPE_CHECK(write_storage(*data, work_.slots[moved.value].kind, storage, host_bytes(moved),
                               work_.value(moved.value).name));
  }
  return {};
}

result<void> compiled_shape::read_downloads(const recorded_stage& stage, host_values& values, dtype storage) const {
  for (const transfer& moved : stage.downloads) {
    const memory_slot& slot = work_.slots[work_.slots[moved.value].root];
    TROUPE_TRY(tensor data, read_storage(host_bytes(moved), slot.kind, storage, work_.value(moved.value).type,
                                         work_.dims(moved.value)));
    values.set(moved.value, std::move(data));
  }
  return {};
}

void compiled_shape::add_to(program_stats& stats) const {
  stats.weight_bytes += static_cast<std::size_t>(own_.bytes() + own_prepared_.bytes());
  stats.arena_bytes = arena_bytes_;
  stats.activation_bytes = activation_bytes_;
  stats.staging_bytes = staging_ ? static_cast<std::size_t>(staging_->size()) : 0;
  stats.dispatches = work_.dispatch_count();
  stats.barriers = recorded_.barriers();
  stats.host_nodes = work_.host_node_count();
}

}  // namespace troupe::vulkan
