// Collects where the time of one run goes.
#pragma once

#include "device/vulkan/recording.hpp"
#include "troupe/engine/profile.hpp"

namespace troupe::vulkan {

/// Follows one run of a recording that was made with timestamps. The run tells it what happens on the host; the
/// device's part is read at the end.
class profiler {
public:
  explicit profiler(const lowered_graph& work) : work_(work), started_(steady_clock::now()) {}

  double now_us() const { return std::chrono::duration<double, std::micro>(steady_clock::now() - started_).count(); }
  /// The node ran on the host from `begin_us` to now.
  void host_node(std::size_t node, double begin_us);
  /// The device's part of `stage` is submitted now.
  void submitted(std::size_t stage);
  /// Call when everything has been executed.
  result<run_profile> finish(gpu& owner, const recording& timed);

private:
  struct host_step {
    std::size_t stage, node;
    double begin_us, duration_us;
  };
  profiled_step device_step(const dispatch& work, double begin_us, double end_us) const;
  std::uint64_t bytes_of(const dispatch& work) const;

  const lowered_graph& work_;
  time_point started_;
  std::size_t stage_ = 0;  ///< the stage whose host nodes run
  std::vector<host_step> host_;
  std::vector<double> submitted_us_;  ///< by stage; grows with `submitted`
};

}  // namespace troupe::vulkan
