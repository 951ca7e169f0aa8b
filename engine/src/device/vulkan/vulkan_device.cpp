#include "device/vulkan/vulkan_device.hpp"

#include <new>

#include "device/vulkan/vulkan_program.hpp"
#include "troupe/engine/detail/fail.hpp"
#include "troupe/shaders/shaders.hpp"

namespace troupe::vulkan {
namespace {

class vulkan_device final : public device {
public:
  explicit vulkan_device(std::shared_ptr<device_core> core) : core_(std::move(core)) {}

  const device_info& info() const noexcept override { return core_->owner->properties().info; }

  result<std::unique_ptr<program>> load(std::shared_ptr<const graph> part, const program_options& options) override {
    const std::string what = fmt::format("loading \"{}\" on \"{}\"", part->name, info().name);
    return vulkan_program::load(core_, std::move(part), options).while_doing(what);
  }

private:
  std::shared_ptr<device_core> core_;
};

}  // namespace

result<machine> look_around(const device_options& options) {
  machine found;
  found.vk = std::make_shared<checkpoint>(options.fault_hook);
  TROUPE_TRY(found.connection, instance::create(*found.vk, options));
  if (!found.connection) return found;
  TROUPE_TRY(found.adapters, adapters_of(*found.vk, found.connection->handle()));
  return found;
}

result<std::shared_ptr<device>> open(machine found, std::size_t which, std::shared_ptr<const operator_table> operators,
                                     const device_options& options, const tuning& choices, kernel_source kernels) {
  auto core = std::make_shared<device_core>();
  device_traits& traits = found.adapters.at(which).info.traits;
  traits = traits_for(traits, options.kernels);
  TROUPE_TRY(core->owner, gpu::open(std::move(found.vk), std::move(found.connection),
                                    std::move(found.adapters.at(which)), options, choices));
  TROUPE_TRY(core->cache, pipeline_cache::open(*core->owner, options.pipeline_cache_directory));
  core->operators = std::move(operators);
  core->kernels = kernels ? std::move(kernels) : shaders::find;
  return std::shared_ptr<device>(std::make_shared<vulkan_device>(std::move(core)));
}

}  // namespace troupe::vulkan
