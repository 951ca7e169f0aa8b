// DFT and STFT, on the host.
#include "kernels/fourier.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> dft_reference(reference_context&);
result<void> stft_reference(reference_context&);

namespace {

/// The one integer in operand i, or `fallback`.
result<std::int64_t> integer_or(const node_view& view, std::size_t i, std::int64_t fallback) {
  TROUPE_TRY(const auto listed, view.ints("length", i));
  if (!view.has(i)) return fallback;
  if (listed->size() == 1) return listed->front();
  return fail(errc::invalid_argument, "operand {} of {} has {} elements; one number is needed", i,
              view.step().describe(), listed->size());
}

std::int64_t bins_of(std::int64_t length, bool onesided) {
  return onesided ? length / 2 + 1 : length;
}

}  // namespace

result<fourier_plan> read_dft(const node_view& view) {
  const node& step = view.step();
  const shape& signal = view.dims(0);
  fourier_plan plan{.inverse = step.int_or("inverse", 0) != 0};
  if (signal.rank() < 2)
    return fail(errc::invalid_argument, "{} has the signal {}", step.describe(), signal.to_string());
  plan.components = signal[signal.rank() - 1];
  std::int64_t axis = step.int_or("axis", 1);
  if (step.version >= 20) {  // an operand since
    TROUPE_TRY(axis, integer_or(view, 2, -2));
  }
  TROUPE_TRY(plan.axis, normalize_axis(axis, signal.rank()));
  TROUPE_TRY(plan.length, integer_or(view, 1, signal[plan.axis]));
  const bool onesided = step.int_or("onesided", 0) != 0;
  if (plan.axis + 1 == signal.rank() || plan.components < 1 || plan.components > 2 || plan.length < 1 ||
      plan.length > limits::elements_max)
    return fail(errc::invalid_argument,
                "{} transforms {} elements along axis {} of a signal {}; its last axis must "
                "have 1 or 2 components",
                step.describe(), plan.length, axis, signal.to_string());
  if (onesided && (plan.inverse || plan.components == 2))
    return fail(errc::unsupported, "{} keeps one side of an inverse or complex transform", step.describe());
  plan.bins = bins_of(plan.length, onesided);
  return plan;
}

result<frame_plan> read_stft(const node_view& view) {
  const node& step = view.step();
  const shape& signal = view.dims(0);
  frame_plan plan;
  if (signal.rank() != 2 && signal.rank() != 3)
    return fail(errc::invalid_argument, "{} has the signal {}; [batch, samples, 1 or 2] is needed", step.describe(),
                signal.to_string());
  plan.components = signal.rank() == 3 ? signal[2] : 1;
  TROUPE_TRY(plan.step, integer_or(view, 1, 0));
  const std::int64_t window = view.has(2) ? view.dims(2).elements() : signal[1];
  TROUPE_TRY(plan.length, integer_or(view, 3, window));
  const bool onesided = step.int_or("onesided", 1) != 0 && plan.components == 1;
  if (plan.components < 1 || plan.components > 2 || plan.step < 1 || plan.length < 1 || plan.length > signal[1] ||
      (view.has(2) && window != plan.length))
    return fail(errc::invalid_argument, "{} takes frames of {} samples, {} apart, of a signal {} with a window of {}",
                step.describe(), plan.length, plan.step, signal.to_string(), window);
  plan.frames = (signal[1] - plan.length) / plan.step + 1;
  plan.bins = bins_of(plan.length, onesided);
  return plan;
}

namespace {

result<void> expect_floats(const infer_context& context) {
  if (is_float(context.input_type(0))) return {};
  return fail(errc::invalid_argument, "{} is not defined for {}", context.step().describe(),
              to_string(context.input_type(0)));
}

result<void> infer_dft(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(1, 3));
  TROUPE_CHECK(expect_floats(context));
  TROUPE_TRY(const fourier_plan plan, read_dft(node_view(context)));
  std::vector<std::int64_t> extents(context.input_dims(0).begin(), context.input_dims(0).end());
  extents[plan.axis] = plan.bins;
  extents.back() = 2;
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

result<void> infer_stft(infer_context& context) {
  TROUPE_CHECK(context.expect_inputs(2, 4));
  TROUPE_CHECK(expect_floats(context));
  TROUPE_TRY(const frame_plan plan, read_stft(node_view(context)));
  const std::int64_t extents[] = {context.input_dims(0)[0], plan.frames, plan.bins, 2};
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

}  // namespace

operator_definition dft_operator() {
  return {.name = "DFT", .since_version = 17, .host_inputs = {1, 2}, .infer = infer_dft, .reference = dft_reference};
}
operator_definition stft_operator() {
  return {.name = "STFT", .since_version = 17, .host_inputs = {1, 3}, .infer = infer_stft, .reference = stft_reference};
}

}  // namespace troupe
