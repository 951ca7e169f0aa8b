#include "device/reference/reference_device.hpp"

#include <unistd.h>

#include <map>
#include <new>

#include "device/example_inputs.hpp"
#include "device/memory_budget.hpp"
#include "device/shape_cache.hpp"
#include "device/waiting.hpp"
#include "graph/arithmetic.hpp"
#include "troupe/engine/specialize.hpp"

namespace troupe {
namespace {

error no_host_memory() {
  return fail(errc::out_of_memory, "the host has no memory for the run; use a smaller model or batch");
}

using microseconds = std::chrono::duration<double, std::micro>;

/// A specialised graph with the node after which each value is needed no more.
struct reference_shape {
  specialized_graph model;
  std::vector<std::size_t> last_use;

  explicit reference_shape(specialized_graph given) : model(std::move(given)) {
    const graph& steps = model.graph;
    last_use.resize(steps.values.size(), 0);
    for (std::size_t i = 0; i < steps.nodes.size(); ++i)
      for (const value_id id : steps.nodes[i].inputs)
        if (id != no_value) last_use[id] = i;
    for (const value_id id : steps.outputs) last_use[id] = steps.nodes.size();
  }
};

class reference_program final : public program {
public:
  reference_program(std::shared_ptr<const graph> part, std::shared_ptr<const operator_table> operators)
      : part_(std::move(part)), operators_(std::move(operators)), host_inputs_(host_inputs(*part_, *operators_)) {}

  /// Finds out what is wrong with a graph whose shapes are all declared before it runs.
  result<void> prepare() {
    for (const value_id id : part_->states) {
      const value_info& state = part_->values[id];
      TROUPE_TRY(const shape dims, state_dims(state));
      TROUPE_TRY(tensor zeros, tensor::make(state.type, dims));
      states_.emplace(id, std::move(zeros));
    }
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
    TROUPE_TRY(reference_shape* const shape, shape_for(inputs, deadline, cancel));
    return run(*shape, inputs, deadline, cancel, nullptr);
  } catch (const std::bad_alloc&) {
    return no_host_memory();
  }

  result<run_profile> profile(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel) override
      try {
    TROUPE_CHECK(still_wanted(deadline, cancel));
    TROUPE_CHECK(check_inputs(*part_, inputs));
    TROUPE_TRY(reference_shape* const shape, shape_for(inputs, deadline, cancel));
    run_profile made;
    for (const node& step : shape->model.graph.nodes)
      made.nodes.push_back({step.name, step.op, operations_of(step, shape->model.dims)});
    const auto started = steady_clock::now();
    TROUPE_CHECK(run(*shape, inputs, deadline, cancel, &made.steps));
    made.wall_us = microseconds(steady_clock::now() - started).count();
    return made;
  } catch (const std::bad_alloc&) {
    return no_host_memory();
  }

  program_stats stats() const override {
    program_stats stats;
    stats.weight_bytes = part_->constant_bytes();
    if (const auto* shape = shapes_.latest()) stats.host_nodes = shape->model.graph.nodes.size();
    return stats;
  }

private:
  result<reference_shape*> shape_for(std::span<const tensor> inputs, time_point deadline, const cancellation& cancel) {
    shape_key key = key_of(inputs, host_inputs_);
    if (reference_shape* known = shapes_.find(key)) return known;
    TROUPE_TRY(auto model, specialize(*part_, *operators_, inputs, deadline, cancel));
    return &shapes_.insert(std::move(key), std::make_unique<reference_shape>(std::move(model)));
  }

  result<std::vector<tensor>> run(const reference_shape& shape, std::span<const tensor> inputs, time_point deadline,
                                  const cancellation& cancel, std::vector<profiled_step>* times) {
    const auto started = steady_clock::now();
    const graph& model = shape.model.graph;
    std::vector<tensor> values(model.values.size());
    for (const auto& [id, data] : model.constants) values[id] = data;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const value_info& declared = model.values[model.inputs[i]];
      values[model.inputs[i]] = inputs[i];
      if (is_float(declared.type)) {
        TROUPE_TRY(values[model.inputs[i]], convert(inputs[i], declared.type));
      }
    }
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      TROUPE_CHECK(still_wanted(deadline, cancel));
      const auto begin = steady_clock::now();
      TROUPE_CHECK(run_node(model.nodes[i], values));
      if (times)
        times->push_back(
            {i, {}, microseconds(begin - started).count(), microseconds(steady_clock::now() - begin).count(), 0});
      for (const value_id id : model.nodes[i].inputs)
        if (id != no_value && shape.last_use[id] == i) values[id] = {};
    }
    std::vector<tensor> outputs;
    for (const value_id id : model.outputs) {
      TROUPE_TRY(tensor typed, convert(values[id], model.values[id].type));
      outputs.push_back(std::move(typed));
    }
    return outputs;
  }

  result<void> run_node(const node& step, std::vector<tensor>& values) {
    std::vector<const tensor*> operands;
    std::vector<tensor*> states;
    for (const value_id id : step.inputs) {
      const auto state = states_.find(id);
      states.push_back(state == states_.end() ? nullptr : &state->second);
      operands.push_back(id == no_value ? nullptr : states.back() ? states.back() : &values[id]);
    }
    TROUPE_TRY(auto made, run_reference(step, *operators_->find(step), operands, states));
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      if (step.outputs[i] != no_value) values[step.outputs[i]] = std::move(made[i]);
    return {};
  }

  std::shared_ptr<const graph> part_;
  std::shared_ptr<const operator_table> operators_;
  std::vector<std::size_t> host_inputs_;
  std::map<value_id, tensor> states_;
  shape_cache<reference_shape> shapes_;
};

class reference_device final : public device {
public:
  reference_device(std::size_t index, std::shared_ptr<const operator_table> operators)
      : info_(reference_info(index)), operators_(std::move(operators)) {}

  const device_info& info() const noexcept override { return info_; }

  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options&) override try {
    TROUPE_CHECK(validate(*part));
    TROUPE_CHECK(check_operators(*part, *operators_));
    TROUPE_CHECK(check_states_fit(*part, std::nullopt, memory_budget(info_)));
    auto made = std::make_unique<reference_program>(std::move(part), operators_);
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

device_info reference_info(std::size_t index) {
  device_info info;
  info.kind = device_kind::reference;
  info.index = index;
  info.name = "reference";
  info.driver = "Troupe's own fp32 definitions";
  info.type = "host";
  info.uuid = "reference";
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0)
    info.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  info.allocation_bytes_max = info.memory_bytes;
  return info;
}

std::shared_ptr<device> open_reference_device(std::size_t index, std::shared_ptr<const operator_table> operators) {
  return std::make_shared<reference_device>(index, std::move(operators));
}

}  // namespace troupe
