// Runs the kernels that a GPU would get on whatever Vulkan device this machine has. Operators choose kernels by device
// traits; where the only device is a software one, the other choices would never run.
#pragma once

#include "support/kernel_case.hpp"

namespace troupe::test {

/// Operators whose lowering believes that the device is a GPU.
class gpu_lowering {
public:
  /// Every operator of `builtin_operators` that a device runs, lowered as for a GPU with subgroups of 32.
  static std::shared_ptr<const operator_table> operators() {
    auto table = std::make_shared<operator_table>();
    for (const auto& [name, definition] : originals()) {
      operator_definition changed = definition;
      if (changed.lower) changed.lower = lower;
      table->add(changed);
    }
    return table;
  }

private:
  static const operator_table& originals() {
    static const operator_table table = builtin_operators();
    return table;
  }

  /// Lets the original lower into a context of its own and hands over what it made, with scratch slots renamed.
  static result<void> lower(lowering_context& outer) {
    const operator_definition* definition = originals().find(outer.step());
    device_traits traits = outer.traits();
    traits.software = false;
    traits.subgroup_size = 32;
    std::vector<lowering_context::operand> inputs, outputs;
    for (std::size_t i = 0; i < outer.input_count(); ++i)
      inputs.push_back(outer.has_input(i)
                           ? lowering_context::operand{true, outer.input_dims(i), outer.input_type(i),
                                                       outer.input_value(i), outer.read(i).slot, outer.input_layout(i)}
                           : lowering_context::operand{});
    for (std::size_t i = 0; i < outer.step().outputs.size(); ++i)
      outputs.push_back({true, outer.output_dims(i), dtype::f32, nullptr, outer.write(i).slot, outer.output_layout(i)});

    constexpr std::uint32_t first_scratch = 1u << 30;
    lowering_context inner(outer.step(), traits, outer.storage(), inputs, outputs, first_scratch);
    TROUPE_CHECK(definition->lower(inner));
    std::vector<std::uint32_t> renamed;
    for (const auto& block : inner.scratches())
      renamed.push_back(block.kind == storage_kind::bytes ? outer.scratch_bytes(block.elements)
                                                          : outer.scratch(block.elements));
    for (dispatch work : inner.dispatches()) {
      for (dispatch_operand& operand : work.operands)
        if (operand.slot >= first_scratch) operand.slot = renamed.at(operand.slot - first_scratch);
      outer.add(std::move(work));
    }
    for (const auto& pair : inner.aliases()) outer.alias(pair.output, pair.input);
    return {};
  }
};

/// As `check_kernel`, for the kernels of a GPU.
inline void check_gpu_kernel(const kernel_case& given, bound fp16) {
  const auto want = run_on("reference", given, dtype::f32);
  for (const dtype storage : {dtype::f16, dtype::f32}) {
    const auto opened = need(open_device("", gpu_lowering::operators()));
    const auto loaded = need(opened->load(std::make_shared<const graph>(graph_of(given)), {.storage = storage}));
    std::vector<tensor> inputs;
    for (std::size_t i = 0; i < given.inputs.size(); ++i)
      if (given.inputs[i].storage() &&
          std::find(given.constants.begin(), given.constants.end(), i) == given.constants.end())
        inputs.push_back(given.inputs[i]);
    const auto got = need(loaded->run(inputs, steady_clock::now() + std::chrono::seconds(60)));
    INFO(given.op << " as on a GPU, storage " << to_string(storage));
    CHECK(compare(got.at(0), want.at(0), storage == dtype::f16 ? fp16 : bound{1e-5, 1e-5}) == "");
  }
}

}  // namespace troupe::test
