// How dispatches may bind their operands: as texel buffers, and in parts.
#include "device/lowering/lowered_graph.hpp"
#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// What the one dispatch of the operator Bind does to its operand and to its result; set by each test.
dispatch_operand changed_source, changed_target;

result<void> lower_bind(lowering_context& context) {
  dispatch_operand source = changed_source, target = changed_target;
  source.slot = context.read(0).slot;
  target.slot = context.write(0).slot;
  context.add({.shader = "unary", .operands = {source, target}, .groups = {1, 1, 1}});
  return {};
}

result<lowered_graph> lower_bound(const dispatch_operand& source, const dispatch_operand& target,
                                  const device_traits& traits) {
  changed_source = source;
  changed_target = target;
  operator_table operators;
  operators.add({.name = "Bind",
                 .host_inputs = {},
                 .index_inputs = {},
                 .infer = toy::infer_same,
                 .reference = device_ops::negate,
                 .lower = lower_bind});
  graph_builder built;
  built.input("x", dtype::f32, {1000}).step("Bind", {"x"}, {"y"}).output("y");
  TROUPE_TRY(auto model, specialize(built.build(), operators, std::vector{random_tensor({1000}, 1)}));
  return lower(std::move(model), operators,
               {.traits = traits, .storage = dtype::f16, .has_kernel = [](std::string_view) { return true; }});
}

std::string refusal(const dispatch_operand& source, const dispatch_operand& target = {0, true},
                    const device_traits& traits = {}) {
  const auto work = lower_bound(source, target, traits);
  return work ? "" : work.error().message();
}

}  // namespace

TEST_CASE("an operand may be a part of a tensor that begins at a whole word") {
  const auto work = need(lower_bound({.slot = 0, .part_begin = 256, .part_elements = 300}, {0, true}, {}));
  const operand_bytes part = binding_of(work, work.stages[0].dispatches[0].operands[0]);
  CHECK(part.begin == 512);
  CHECK(part.bytes == 600);
  const auto rest = need(lower_bound({.slot = 0, .part_begin = 896}, {0, true}, {}));
  CHECK(binding_of(rest, rest.stages[0].dispatches[0].operands[0]).bytes == 208);
  CHECK(refusal({.slot = 0, .part_begin = 8}).find("binds elements 8 to 1000") != std::string::npos);
  CHECK(refusal({.slot = 0, .part_begin = 896, .part_elements = 105}).find("to 1001 of 1000") != std::string::npos);
  CHECK(refusal({.slot = 0, .part_begin = 1024}).find("binds elements 1024") != std::string::npos);
  CHECK(refusal({.slot = 0, .part_begin = -128}).find("binds elements -128") != std::string::npos);
}

TEST_CASE("a part that fits one binding may belong to a tensor that does not") {
  device_traits small;
  small.storage_range_max = 1024;
  CHECK(
      refusal({.slot = 0}, {.slot = 0, .written = true, .part_elements = 128}, small).find("\"x\" takes 2000 bytes") !=
      std::string::npos);
  CHECK(refusal({.slot = 0, .part_elements = 512}, {.slot = 0, .written = true, .part_elements = 512}, small) == "");
}

TEST_CASE("texel buffers are read only, and as large as the device says") {
  CHECK(refusal({.slot = 0, .texels = true}) == "");
  CHECK(
      refusal({.slot = 0}, {.slot = 0, .written = true, .texels = true}).find("texel buffer where there can be none") !=
      std::string::npos);
  device_traits few;
  few.texel_elements_max = 100;
  CHECK(refusal({.slot = 0, .texels = true}, {0, true}, few).find("reaches 1600 through one binding") !=
        std::string::npos);
}

TEST_CASE("a device's traits give way to the family of kernels that is asked for") {
  device_traits lavapipe;
  lavapipe.software = lavapipe.texel_reads = true;
  CHECK(traits_for(lavapipe, kernel_family::automatic).texel_reads);
  CHECK(traits_for(lavapipe, kernel_family::software).texel_reads);
  CHECK_FALSE(traits_for(lavapipe, kernel_family::gpu).software);
  CHECK_FALSE(traits_for(lavapipe, kernel_family::gpu).texel_reads);
  CHECK(traits_for({}, kernel_family::software).software);
  CHECK_FALSE(traits_for({}, kernel_family::software).texel_reads);
}

TEST_CASE("matrix units are used on GPUs by themselves and elsewhere when asked for") {
  device_traits gpu, lavapipe;
  gpu.matrix = lavapipe.matrix = {8, 8, 8};
  lavapipe.software = true;
  CHECK(traits_for(gpu, kernel_family::automatic).matrix);
  CHECK_FALSE(traits_for(gpu, kernel_family::gpu).matrix);
  CHECK_FALSE(traits_for(gpu, kernel_family::software).matrix);
  CHECK_FALSE(traits_for(lavapipe, kernel_family::automatic).matrix);
  CHECK(traits_for(lavapipe, kernel_family::cooperative).matrix);
  CHECK_FALSE(traits_for(lavapipe, kernel_family::cooperative).software);
}

TEST_CASE("lavapipe says which Mesa it is") {
  TROUPE_NEEDS_VULKAN();
  const device_info info = need(list_devices()).front();
  if (info.driver.find("Mesa") == std::string::npos) return;
  CHECK(info.traits.mesa_version >= 10);
  CHECK(info.traits.texel_reads == (info.traits.software && info.traits.mesa_version < 26));
}
