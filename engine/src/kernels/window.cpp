// BlackmanWindow, HammingWindow and HannWindow. Their length is known before the run, so they are folded.
#include "kernels/window.hpp"

#include "kernels/definitions.hpp"
#include "kernels/element_type.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> window_reference(reference_context&);

window_function window_function_of(std::string_view op) {
  if (op == "BlackmanWindow") return {0.42, 0.5, 0.08};
  if (op == "HammingWindow") return {25.0 / 46, 21.0 / 46, 0};
  return {0.5, 0.5, 0};
}

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(1, 1));
  TROUPE_TRY(const auto size, context.input_ints(0, "the length"));
  if (size.size() != 1)
    return fail(errc::invalid_argument, "the length of {} has {} elements; one number is needed", step.describe(),
                size.size());
  TROUPE_TRY(const dtype type, element_type_of(step, step.int_or("output_datatype", 1)));
  TROUPE_TRY(const shape dims, shape::make(size));
  context.set_output(0, type, dims);
  return {};
}

operator_definition window(std::string_view op) {
  return {.name = op, .since_version = 17, .host_inputs = {0}, .infer = infer, .reference = window_reference};
}

}  // namespace

operator_definition blackman_window_operator() {
  return window("BlackmanWindow");
}
operator_definition hamming_window_operator() {
  return window("HammingWindow");
}
operator_definition hann_window_operator() {
  return window("HannWindow");
}

}  // namespace troupe
