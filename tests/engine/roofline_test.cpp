#include "troupe/engine/roofline.hpp"

#include "roofline/kernel_probe.hpp"
#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Between a small board on a bad day and what the next decade brings.
void check_plausible(const roofline& measured) {
  CHECK(measured.read_bytes_per_s > 5e7);
  CHECK(measured.read_bytes_per_s < 1e15);
  CHECK(measured.operations_per_s > 5e7);
  CHECK(measured.operations_per_s < 1e17);
}

}  // namespace

TEST_CASE("the host's limits are measured for the devices that compute on it") {
  const roofline one_thread = need(measure_roofline("reference"));
  check_plausible(one_thread);
  CHECK(one_thread.threads == 1);
}

TEST_CASE("a Vulkan device's limits are measured, by its own kernels too") {
  TROUPE_NEEDS_VULKAN();
  check_plausible(need(measure_roofline("")));
  const roofline by_kernels = need(measure_by_kernels("", {}));
  check_plausible(by_kernels);
  CHECK(by_kernels.threads == 0);
}

TEST_CASE("what computes nothing has no limits") {
  CHECK(measure_roofline("null").error().code() == errc::unsupported);
  CHECK(measure_roofline("no such device").error().code() != errc::unsupported);
}
