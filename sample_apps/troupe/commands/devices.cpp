// troupe devices: what this machine can run networks on.
#include "commands.hpp"
#include "troupe/engine/device.hpp"

namespace troupe::app {
namespace {

const char* kind_of(const device_info& device) {
  switch (device.kind) {
    case device_kind::vulkan: return "vulkan";
    case device_kind::reference: return "reference";
    case device_kind::null: return "null";
  }
  return "?";
}

json json_of(const device_info& device) {
  const device_traits& traits = device.traits;
  return {{"index", device.index},
          {"kind", kind_of(device)},
          {"name", device.name},
          {"driver", device.driver},
          {"type", device.type},
          {"api_version", device.api_version},
          {"uuid", device.uuid},
          {"memory_bytes", device.memory_bytes},
          {"allocation_bytes_max", device.allocation_bytes_max},
          {"fp16_storage", device.fp16_storage},
          {"fp16_arithmetic", device.fp16_arithmetic},
          {"cooperative_matrix", device.cooperative_matrix},
          {"traits",
           {{"software", traits.software},
            {"subgroup_size", traits.subgroup_size},
            {"shared_memory_bytes", traits.shared_memory_bytes},
            {"group_invocations_max", traits.group_invocations_max},
            {"group_count_max", traits.group_count_max},
            {"storage_range_max", traits.storage_range_max},
            {"texel_reads", traits.texel_reads},
            {"texel_elements_max", traits.texel_elements_max},
            {"subgroup_shuffle", traits.subgroup_shuffle},
            {"subgroup_arithmetic", traits.subgroup_arithmetic},
            {"mesa_version", traits.mesa_version},
            {"matrix_unit", {traits.matrix.rows, traits.matrix.columns, traits.matrix.terms}}}}};
}

std::string units_of(const matrix_unit& units) {
  return units ? fmt::format("{}x{}x{}", units.rows, units.columns, units.terms) : "-";
}

result<void> devices(console& out) {
  TROUPE_TRY(const auto found, list_devices());
  json listed = json::array();
  table shown{{"", "name", "type", "memory", "fp16", "matrix", "subgroup", "driver"}, {}};
  for (const device_info& device : found) {
    listed.push_back(json_of(device));
    shown.rows.push_back({fmt::format("{}", device.index), device.name, device.type,
                          device.memory_bytes ? text_of_bytes(device.memory_bytes) : "-",
                          device.fp16_arithmetic ? "arithmetic"
                          : device.fp16_storage  ? "storage"
                                                 : "-",
                          units_of(device.traits.matrix), fmt::format("{}", device.traits.subgroup_size),
                          device.driver.empty() ? "-" : device.driver});
  }
  out.object({{"devices", std::move(listed)}});
  out.print(shown);
  return {};
}

}  // namespace

void add_devices(program& to) {
  to.add("devices", "Lists the devices of this machine, best first", "troupe devices --json", devices);
}

}  // namespace troupe::app
