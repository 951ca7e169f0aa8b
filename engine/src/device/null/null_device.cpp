#include "device/null/null_device.hpp"

#include <new>

#include "device/example_inputs.hpp"
#include "device/lowering/lowered_graph.hpp"
#include "device/shape_cache.hpp"
#include "device/waiting.hpp"
#include "troupe/shaders/shaders.hpp"

namespace troupe {
namespace {

constexpr std::uint64_t memory_alignment = 256;  // the most that Vulkan lets a device ask for

error no_host_memory() {
  return fail(errc::out_of_memory, "the host has no memory for the run; use a smaller model or batch");
}

device_info null_info() {
  device_info info;
  info.kind = device_kind::null;
  info.name = "null";
  info.driver = "computes nothing";
  info.type = "host";
  info.uuid = "null";
  info.fp16_storage = true;
  return info;
}

class null_program final : public program {
public:
  null_program(std::shared_ptr<const graph> part, std::shared_ptr<const operator_table> operators,
               const device_traits& traits, dtype storage)
      : part_(std::move(part)),
        operators_(std::move(operators)),
        target_{.traits = traits,
                .storage = storage,
                .has_kernel =
                    [storage](std::string_view name) { return !shaders::find(name, storage == dtype::f16).empty(); }},
        host_inputs_(host_inputs(*part_, *operators_)) {}

  result<void> prepare() {
    if (!host_inputs_.empty()) return {};
    const auto example = make_example_inputs(*part_);
    if (!example || !example->exact) return {};
    TROUPE_CHECK(shape_for(example->tensors, steady_clock::now() + load_limit, {}));
    return {};
  }

  result<std::vector<tensor>> run(std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel) override try {
    TROUPE_CHECK(still_wanted(deadline, cancel));
    TROUPE_CHECK(check_inputs(*part_, inputs));
    TROUPE_TRY(const lowered_graph* const work, shape_for(inputs, deadline, cancel));
    std::vector<tensor> outputs;
    for (const value_id id : work->model.graph.outputs) {
      TROUPE_TRY(tensor zeros, tensor::make(work->value(id).type, work->dims(id)));
      outputs.push_back(std::move(zeros));
    }
    return outputs;
  } catch (const std::bad_alloc&) {
    return no_host_memory();
  }

  result<run_profile> profile(std::span<const tensor>, time_point, const cancellation&) override {
    return error(errc::unsupported, "the null device computes nothing that could be profiled");
  }

  program_stats stats() const override {
    program_stats stats;
    const lowered_graph* work = shapes_.latest();
    if (!work) return stats;
    const memory_plan plan = plan_memory(work->lifetimes, memory_alignment);
    stats.arena_bytes = static_cast<std::size_t>(plan.bytes);
    stats.activation_bytes = static_cast<std::size_t>(plan.bytes_unshared);
    for (const value_id id : work->device_constants)
      stats.weight_bytes += static_cast<std::size_t>(work->slots[id].bytes);
    stats.dispatches = work->dispatch_count();
    stats.host_nodes = work->host_node_count();
    return stats;
  }

private:
  result<lowered_graph*> shape_for(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel) {
    shape_key key = key_of(inputs, host_inputs_);
    if (lowered_graph* known = shapes_.find(key)) return known;
    TROUPE_TRY(auto model, specialize(*part_, *operators_, inputs, deadline, cancel));
    TROUPE_TRY(auto work, lower(std::move(model), *operators_, target_));
    return &shapes_.insert(std::move(key), std::make_unique<lowered_graph>(std::move(work)));
  }

  std::shared_ptr<const graph> part_;
  std::shared_ptr<const operator_table> operators_;
  lowering_target target_;
  std::vector<std::size_t> host_inputs_;
  shape_cache<lowered_graph> shapes_;
};

class null_device final : public device {
public:
  explicit null_device(std::shared_ptr<const operator_table> operators)
      : info_(null_info()), operators_(std::move(operators)) {}

  const device_info& info() const noexcept override { return info_; }

  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options& options) override
      try {
    TROUPE_CHECK(validate(*part));
    TROUPE_CHECK(check_operators(*part, *operators_));
    auto made = std::make_unique<null_program>(std::move(part), operators_, info_.traits, options.storage);
    TROUPE_CHECK(made->prepare());
    return std::unique_ptr<program>(std::move(made));
  } catch (const std::bad_alloc&) {
    return no_host_memory();
  }

private:
  device_info info_;
  std::shared_ptr<const operator_table> operators_;
};

}  // namespace

std::shared_ptr<device> open_null_device(std::shared_ptr<const operator_table> operators) {
  return std::make_shared<null_device>(std::move(operators));
}

}  // namespace troupe
