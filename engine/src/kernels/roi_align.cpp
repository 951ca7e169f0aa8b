// RoiAlign: regions of an image, each resampled to one size. On the host.
#include "kernels/roi_align.hpp"

#include "kernels/definitions.hpp"
#include "kernels/index_operands.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> roi_align_reference(reference_context&);

result<roi_alignment> read_roi_align(const node& step) {
  roi_alignment made{.height = step.int_or("output_height", 1),
                     .width = step.int_or("output_width", 1),
                     .samples = step.int_or("sampling_ratio", 0),
                     .scale = step.float_or("spatial_scale", 1)};
  const std::string mode = step.string_or("mode", "avg");
  // Opset 16 made half pixels the default.
  const std::string place =
      step.string_or("coordinate_transformation_mode", step.version < 16 ? "output_half_pixel" : "half_pixel");
  constexpr std::int64_t samples_max = 1024;
  if ((mode != "avg" && mode != "max") || (place != "half_pixel" && place != "output_half_pixel"))
    return fail(errc::invalid_argument,
                "{} has the mode \"{}\" and coordinates \"{}\"; avg, max and half_pixel, "
                "output_half_pixel exist",
                step.describe(), mode, place);
  if (made.height < 1 || made.width < 1 || made.samples < 0 || made.samples > samples_max)
    return fail(errc::invalid_argument,
                "{} makes {} x {} results of {} samples; 1 x 1 is the least, {} samples the most", step.describe(),
                made.height, made.width, made.samples, samples_max);
  made.takes_maximum = mode == "max";
  made.half_pixel = place == "half_pixel";
  return made;
}

namespace {

result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(3, 3));
  TROUPE_CHECK(expect_indices(context, 2));
  TROUPE_TRY(const roi_alignment alignment, read_roi_align(step));
  const shape& image = context.input_dims(0);
  const shape& regions = context.input_dims(1);
  const bool fits = image.rank() == 4 && regions.rank() == 2 && regions[1] == 4 &&
                    context.input_dims(2) == shape{regions[0]} && is_float(context.input_type(0)) &&
                    context.input_type(1) == context.input_type(0) && (image.elements() > 0 || regions[0] == 0);
  if (!fits)
    return fail(errc::invalid_argument,
                "{} takes regions {} and images {} from {}; [n,4], [n] and [N,C,H,W] are needed", step.describe(),
                regions.to_string(), context.input_dims(2).to_string(), image.to_string());
  const std::int64_t extents[] = {regions[0], image[1], alignment.height, alignment.width};
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

}  // namespace

operator_definition roi_align_operator() {
  return {.name = "RoiAlign", .since_version = 10, .infer = infer, .reference = roi_align_reference};
}

}  // namespace troupe
