// GridSample: an image read at the places that a grid says. On the host.
#include "kernels/grid_sample.hpp"

#include "kernels/definitions.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<void> grid_sample_reference(reference_context&);

result<grid_sampling> read_grid_sample(const node& step) {
  grid_sampling made{.align_corners = step.int_or("align_corners", 0) != 0};
  // Opset 20 renamed the modes, because they are not bound to two axes any more.
  const std::string mode = step.string_or("mode", "linear");
  if (mode == "nearest") {
    made.mode = sample_mode::nearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    made.mode = sample_mode::cubic;
  } else if (mode != "linear" && mode != "bilinear") {
    return fail(errc::invalid_argument, "{} samples by \"{}\"; linear, nearest and cubic exist", step.describe(), mode);
  }
  const std::string padding = step.string_or("padding_mode", "zeros");
  if (padding == "border") {
    made.padding = sample_padding::border;
  } else if (padding == "reflection") {
    made.padding = sample_padding::reflection;
  } else if (padding != "zeros") {
    return fail(errc::invalid_argument, "{} pads by \"{}\"; zeros, border and reflection exist", step.describe(),
                padding);
  }
  return made;
}

namespace {

/// The image is [N, C, spatial...], the grid [N, output extents..., coordinates].
result<void> infer(infer_context& context) {
  const node& step = context.step();
  TROUPE_CHECK(context.expect_inputs(2, 2));
  const shape& image = context.input_dims(0);
  const shape& grid = context.input_dims(1);
  TROUPE_TRY(const grid_sampling sampling, read_grid_sample(step));
  const std::size_t rank = image.rank();
  const bool fits = rank >= 3 && grid.rank() == rank && grid[0] == image[0] &&
                    grid[rank - 1] == static_cast<std::int64_t>(rank - 2) && is_float(context.input_type(0)) &&
                    is_float(context.input_type(1)) && (image.elements() > 0 || grid.elements() == 0);
  if (!fits)
    return fail(errc::invalid_argument, "the grid {}{} of {} does not fit its image {}{}",
                to_string(context.input_type(1)), grid.to_string(), step.describe(), to_string(context.input_type(0)),
                image.to_string());
  if (rank > 5 || (sampling.mode == sample_mode::cubic && rank != 4))
    return fail(errc::unsupported,
                "{} samples an image {}; two spatial axes are supported, and up to three unless the "
                "mode is cubic",
                step.describe(), image.to_string());
  std::vector<std::int64_t> extents(grid.begin(), grid.end() - 1);
  extents.insert(extents.begin() + 1, image[1]);
  TROUPE_TRY(const shape dims, shape::make(extents));
  context.set_output(0, context.input_type(0), dims);
  return {};
}

}  // namespace

operator_definition grid_sample_operator() {
  return {.name = "GridSample", .since_version = 16, .infer = infer, .reference = grid_sample_reference};
}

}  // namespace troupe
