// What a device can do at best, measured: the yardstick for kernels.
#pragma once

#include "troupe/engine/device.hpp"

namespace troupe {

/// Two limits of one machine. A kernel that moves b bytes and does n operations takes at least
/// max(b / read_bytes_per_s, n / operations_per_s) seconds (Williams, Waterman and Patterson's roofline model, 2009).
struct roofline {
  double read_bytes_per_s = 0;  ///< from memory, by everything the device computes with
  double operations_per_s = 0;  ///< fp32; a fused multiply-add counts as two
  unsigned threads = 0;         ///< of the host, when that was measured; 0 for a GPU
};

/// Takes about half a second. A device that computes on the host (lavapipe, `reference`) is measured by plain loops on
/// as many threads as it uses, with the host's vector instructions (256 bits, fused, where it has them) and by the threads'
/// CPU time; a GPU by two kernels. `unsupported` for the null device. The best of several rounds counts.
result<roofline> measure_roofline(std::string_view selector, const device_options& options = {});

}  // namespace troupe
