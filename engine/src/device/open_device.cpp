#include "device/null/null_device.hpp"
#include "device/reference/reference_device.hpp"
#include "device/select.hpp"
#include "device/vulkan/vulkan_device.hpp"
#include "troupe/engine/device.hpp"

namespace troupe {
namespace {

/// Numbers the adapters and describes them, with the reference device last.
std::vector<device_info> list_of(vulkan::machine& found) {
  std::vector<device_info> list;
  for (vulkan::adapter& adapter : found.adapters) {
    adapter.info.index = list.size();
    list.push_back(adapter.info);
  }
  list.push_back(reference_info(list.size()));
  return list;
}

}  // namespace

result<std::vector<device_info>> list_devices() {
  TROUPE_TRY(auto found, vulkan::look_around({}));
  return list_of(found);
}

result<std::shared_ptr<device>> open_device(std::string_view selector, std::shared_ptr<const operator_table> operators,
                                            const device_options& options) {
  if (selector == "null") return open_null_device(std::move(operators));
  // The driver is not touched when nobody asks for it: "reference" works where Vulkan does not.
  if (selector == "reference") return open_reference_device(0, std::move(operators));
  TROUPE_TRY(auto found, vulkan::look_around(options));
  const auto list = list_of(found);
  TROUPE_TRY(const std::size_t which, select_device(selector, list));
  if (which == list.size() - 1) return open_reference_device(which, std::move(operators));
  return vulkan::open(std::move(found), which, std::move(operators), options);
}

}  // namespace troupe
