// Small graphs for tests of devices: operators that run on the device, on the host, or not at all, and a Vulkan device
// with every check turned on.
#pragma once

#include <mutex>

#include "device/vulkan/vulkan_device.hpp"
#include "support/graph_builder.hpp"
#include "troupe/engine/device.hpp"

namespace troupe::test {

inline time_point soon(int seconds = 60) {
  return steady_clock::now() + std::chrono::seconds(seconds);
}

namespace device_ops {

inline result<void> infer_flat(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 1));
  context.set_output(0, context.input_type(0), {context.input_dims(0).elements()});
  return {};
}

inline result<void> lower_view(lowering_context& context) {
  context.alias(0, 0);
  return {};
}

inline result<void> negate(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(0));
  for (float& value : values) value = -value;
  return context.set_output_floats(0, values);
}

inline result<void> relu_twice(reference_context& context) {
  return toy::relu(context);
}

struct unary_parameters {
  std::uint32_t count;
  float a, b, c;
};

inline dispatch unary(const lowering_context& context, dispatch_operand from, dispatch_operand to) {
  const auto count = context.output_dims(0).elements();
  return {.shader = "unary",
          .operands = {from, to},
          .push_constants = push_bytes(unary_parameters{static_cast<std::uint32_t>(count), 0, 0, 0}),
          .specialization = {0},
          .groups = groups_for(count, 64, context.traits())};
}

/// Through scratch memory, so that a node has memory of its own.
inline result<void> lower_relu_twice(lowering_context& context) {
  const std::uint32_t between = context.scratch(context.output_dims(0).elements());
  context.add(unary(context, context.read(0), {between, true}));
  context.add(unary(context, {between, false}, context.write(0)));
  return {};
}

inline result<void> infer_second(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 2));
  context.set_output(0, context.input_type(1), context.input_dims(1));
  return {};
}

inline result<void> relu_of_second(reference_context& context) {
  TROUPE_TRY(auto values, context.input_floats(1));
  for (float& value : values) value = std::max(value, 0.0f);
  return context.set_output_floats(0, values);
}

/// Its first dispatch is a preparation when the second operand is a constant.
inline result<void> lower_relu_of_second(lowering_context& context) {
  const std::uint32_t prepared = context.scratch(context.output_dims(0).elements());
  context.add(unary(context, context.read(1), {prepared, true}));
  context.add(unary(context, {prepared, false}, context.write(0)));
  return {};
}

}  // namespace device_ops

/// The operators that ship, and: Flat (a view on the device), HostNegate (without `lower`), ReluTwice (with scratch),
/// ReluOfSecond (with scratch that can be prepared; the first operand is ignored).
inline std::shared_ptr<const operator_table> device_operators() {
  auto table = builtin_operators();
  table.add({.name = "Flat",
             .host_inputs = {},
             .index_inputs = {},
             .infer = device_ops::infer_flat,
             .reference = toy::reshape,
             .lower = device_ops::lower_view});
  table.add({.name = "HostNegate",
             .host_inputs = {},
             .index_inputs = {},
             .infer = toy::infer_same,
             .reference = device_ops::negate});
  table.add({.name = "ReluTwice",
             .host_inputs = {},
             .index_inputs = {},
             .infer = toy::infer_same,
             .reference = device_ops::relu_twice,
             .lower = device_ops::lower_relu_twice});
  table.add({.name = "ReluOfSecond",
             .host_inputs = {},
             .index_inputs = {},
             .infer = device_ops::infer_second,
             .reference = device_ops::relu_of_second,
             .lower = device_ops::lower_relu_of_second});
  return std::make_shared<const operator_table>(std::move(table));
}

/// Messages of driver and validation layer, from any thread.
class message_log {
public:
  std::function<void(const std::string&)> sink() {
    return [state = state_](const std::string& text) {
      const std::lock_guard lock(state->mutex);
      state->messages.push_back(text);
    };
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(state_->mutex);
    return state_->messages;
  }

private:
  struct state {
    std::mutex mutex;
    std::vector<std::string> messages;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

inline bool has_vulkan() {
  const auto list = list_devices();
  return list && list->front().kind == device_kind::vulkan;
}

/// Says why a test is skipped; Catch2 2 has no better way.
#define TROUPE_NEEDS_VULKAN()                           \
  if (!troupe::test::has_vulkan()) {                    \
    WARN("skipped: this machine has no Vulkan device"); \
    return;                                             \
  }

inline result<std::shared_ptr<device>> open_vulkan(const device_options& options = {},
                                                   const vulkan::tuning& choices = {}) {
  TROUPE_TRY(auto found, vulkan::look_around(options));
  if (found.adapters.empty()) return error(errc::unavailable, "this machine has no Vulkan device");
  return vulkan::open(std::move(found), 0, device_operators(), options, choices);
}

inline std::unique_ptr<program> load_on(device& where, const graph_builder& built, dtype storage = dtype::f32) {
  return need(where.load(std::make_shared<const graph>(built.build()), {.storage = storage}));
}

/// What the reference device answers.
inline std::vector<tensor> by_reference(const graph_builder& built, const std::vector<tensor>& inputs) {
  const auto reference = need(open_device("reference", device_operators()));
  return need(load_on(*reference, built)->run(inputs, soon()));
}

inline bool same(const std::vector<tensor>& a, const std::vector<tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), bitwise_equal);
}

}  // namespace troupe::test
