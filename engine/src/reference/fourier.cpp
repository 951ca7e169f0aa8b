#include "kernels/fourier.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace troupe {
namespace {

using complex = std::complex<double>;

/// The definition itself: `bins` sums over all of `line`, each as long as the line.
std::vector<complex> transform(const std::vector<complex>& line, std::int64_t bins, bool inverse) {
  const auto length = static_cast<std::int64_t>(line.size());
  std::vector<complex> turns;
  for (std::int64_t k = 0; k < length; ++k)
    turns.push_back(
        std::polar(1.0, (inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(k) / static_cast<double>(length)));
  std::vector<complex> made;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    complex sum = 0;
    std::int64_t turn = 0;
    for (const complex& sample : line) {
      sum += sample * turns[static_cast<std::size_t>(turn)];
      turn = (turn + bin) % length;
    }
    made.push_back(inverse ? sum / static_cast<double>(length) : sum);
  }
  return made;
}

/// Sample `place` of a signal whose last axis has this many components.
complex sample_at(const std::vector<float>& signal, std::int64_t place, std::int64_t components) {
  const auto i = static_cast<std::size_t>(place * components);
  return {signal[i], components == 2 ? signal[i + 1] : 0.0f};
}

}  // namespace

result<void> dft_reference(reference_context& context) {
  TROUPE_TRY(const fourier_plan plan, read_dft(node_view(context)));
  TROUPE_TRY(const auto signal, context.input_floats(0));
  const shape& dims = context.input(0).dims();
  const std::int64_t extent = dims[plan.axis];
  const std::int64_t inner = dims.elements(plan.axis + 1, dims.rank() - 1);
  const std::int64_t lines = dims.elements(0, plan.axis) * inner;
  std::vector<float> values(context.output(0).elements());
  std::vector<complex> line(static_cast<std::size_t>(plan.length));
  for (std::int64_t i = 0; i < lines; ++i) {
    std::fill(line.begin(), line.end(), complex());
    for (std::int64_t k = 0; k < std::min(extent, plan.length); ++k)
      line[static_cast<std::size_t>(k)] =
          sample_at(signal, (i / inner * extent + k) * inner + i % inner, plan.components);
    std::int64_t bin = 0;
    for (const complex& value : transform(line, plan.bins, plan.inverse)) {
      const auto at = static_cast<std::size_t>(2 * ((i / inner * plan.bins + bin++) * inner + i % inner));
      values[at] = static_cast<float>(value.real());
      values[at + 1] = static_cast<float>(value.imag());
    }
  }
  return context.set_output_floats(0, values);
}

result<void> stft_reference(reference_context& context) {
  TROUPE_TRY(const frame_plan plan, read_stft(node_view(context)));
  TROUPE_TRY(const auto signal, context.input_floats(0));
  std::vector<float> window(static_cast<std::size_t>(plan.length), 1.0f);
  if (context.has_input(2)) {
    TROUPE_TRY(window, context.input_floats(2));
  }
  const shape& dims = context.input(0).dims();
  std::vector<float> values;
  values.reserve(context.output(0).elements());
  std::vector<complex> line(static_cast<std::size_t>(plan.length));
  for (std::int64_t batch = 0; batch < dims[0]; ++batch)
    for (std::int64_t frame = 0; frame < plan.frames; ++frame) {
      for (std::size_t k = 0; k < line.size(); ++k)
        line[k] =
            sample_at(signal, batch * dims[1] + frame * plan.step + static_cast<std::int64_t>(k), plan.components) *
            static_cast<double>(window[k]);
      for (const complex& value : transform(line, plan.bins, false)) {
        values.push_back(static_cast<float>(value.real()));
        values.push_back(static_cast<float>(value.imag()));
      }
    }
  return context.set_output_floats(0, values);
}

}  // namespace troupe
