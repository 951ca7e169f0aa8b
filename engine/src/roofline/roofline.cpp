#include "troupe/engine/roofline.hpp"

#include <thread>

#include "roofline/host_probe.hpp"
#include "roofline/kernel_probe.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe {

result<roofline> measure_roofline(std::string_view selector, const device_options& options) {
  TROUPE_TRY(const auto opened, open_device(selector, std::make_shared<const operator_table>(), options));
  const device_info& info = opened->info();
  if (info.kind == device_kind::null) return fail(errc::unsupported, "the null device has no limits to measure");
  if (info.kind == device_kind::reference) return measure_host(1);
  if (info.traits.software) return measure_host(std::thread::hardware_concurrency());
  return measure_by_kernels(selector, options);
}

}  // namespace troupe
