#include "troupe/engine/ability.hpp"

#include "support/device_case.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Between a small board on a bad day and what the next decade brings.
void check_plausible(const node_ability& measured) {
  CHECK(check(measured));
  CHECK(measured.operations_per_s > 1e6);
  CHECK(measured.operations_per_s < 1e17);
  CHECK(measured.bytes_per_s > 1e6);
  CHECK(measured.bytes_per_s < 1e15);
  CHECK(measured.dispatch_s < 0.1);
  CHECK(measured.memory_bytes > 0);
}

std::shared_ptr<device> opened(std::string_view selector) {
  return need(open_device(selector, std::make_shared<const operator_table>(builtin_operators())));
}

}  // namespace

TEST_CASE("devices are measured with the kernels that run models") {
  const auto reference = opened("reference");
  const node_ability plain = need(measure_ability(*reference));
  check_plausible(plain);
  CHECK(plain.device == reference->info().name);
}

TEST_CASE("a Vulkan device is faster than plain loops") {
  TROUPE_NEEDS_VULKAN();
  const node_ability fast = need(measure_ability(*opened("")));
  check_plausible(fast);
  CHECK(fast.operations_per_s > need(measure_ability(*opened("reference"))).operations_per_s);
}

TEST_CASE("what computes nothing has no ability") {
  CHECK(measure_ability(*opened("null")).error().code() == errc::unsupported);
}
