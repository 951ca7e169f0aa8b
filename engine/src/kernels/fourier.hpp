// The shapes of DFT and STFT.
#pragma once

#include "kernels/node_view.hpp"

namespace troupe {

/// Lines of a real or complex signal along an axis, each of which becomes `bins` complex numbers.
struct fourier_plan {
  std::size_t axis = 1;
  std::int64_t components = 1;  ///< 2: the last axis of the signal holds real and imaginary parts
  std::int64_t length = 1;      ///< of the transform; shorter lines are padded with zeros, longer ones cut
  std::int64_t bins = 1;        ///< that are kept: about half of them when `onesided`
  bool inverse = false;
};
result<fourier_plan> read_dft(const node_view& view);

/// Frames of `length` samples, `step` apart, of a signal [batch, samples, components].
struct frame_plan {
  std::int64_t components = 1, step = 1, length = 1, frames = 0, bins = 1;
};
result<frame_plan> read_stft(const node_view& view);

}  // namespace troupe
