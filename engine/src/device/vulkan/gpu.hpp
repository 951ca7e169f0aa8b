// One open Vulkan device: the logical device, its queue and timeline, and the objects that wait for their death.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "device/vulkan/adapter.hpp"
#include "device/vulkan/instance.hpp"

namespace troupe::vulkan {

/// Waits for the device are cut into slices, so that a cancellation or a deadline is seen within 50 ms of its event.
inline constexpr std::chrono::milliseconds wait_slice{20};
/// How long the end of a device waits for work in flight before it gives its objects up.
inline constexpr std::chrono::milliseconds drain_limit{2000};

/// Ways to run that tests choose and users do not.
struct tuning {
  /// Copies through staging buffers even where device memory could be written directly, as most discrete GPUs need.
  bool staging_only = false;
  /// Verifies the barriers of every recorded sequence.
#ifdef NDEBUG
  bool verify_barriers = false;
#else
  bool verify_barriers = true;
#endif
};

/// When the device has executed a submission: a value of the device's timeline semaphore.
using serial = std::uint64_t;

/// Shared by the device and its programs. Safe to use from several threads.
///
/// Objects are destroyed only when everything submitted before has been executed: `retire` keeps them until then. At
/// the end of the device that wait is bounded; if the device does not come back, the objects and the VkDevice are
/// leaked on purpose, since destroying what a driver still uses could take the host process down, and `on_message` says
/// so.
class gpu {
public:
  /// `found` must come from `connection`.
  static result<std::shared_ptr<gpu>> open(std::shared_ptr<checkpoint> vk, std::unique_ptr<instance> connection,
                                           adapter found, const device_options& options, const tuning& choices);
  gpu(const gpu&) = delete;
  gpu& operator=(const gpu&) = delete;
  ~gpu();

  checkpoint& vk() noexcept { return *vk_; }
  VkDevice handle() const noexcept { return device_; }
  const adapter& properties() const noexcept { return adapter_; }
  const tuning& choices() const noexcept { return choices_; }
  std::uint32_t queue_family() const noexcept { return static_cast<std::uint32_t>(adapter_.queue_family); }
  void message(const std::string& text) const;

  /// The memory type in which the host writes and reads the device's own memory directly and at full speed, if the
  /// device has one (integrated and software devices do).
  std::optional<std::uint32_t> direct_memory_type() const noexcept { return direct_type_; }

  /// Queues recorded commands. They start after everything submitted before has started; order among them is up to
  /// their barriers.
  result<serial> submit(VkCommandBuffer commands);
  /// Returns when the device has executed `until` and everything before it.
  result<void> wait(serial until, time_point deadline, const cancellation& cancel);
  /// Asks the driver unless it is known already; false also when it cannot say.
  bool executed(serial until);

  using destroy_function = void (*)(VkDevice, std::uint64_t);
  /// Destroys an object as soon as the device cannot use it any more.
  void retire(std::uint64_t object, destroy_function destroy) noexcept;

private:
  gpu(std::shared_ptr<checkpoint> vk, std::unique_ptr<instance> connection, adapter found,
      const device_options& options, const tuning& choices);
  result<void> create_device();
  result<void> create_timeline();
  void find_direct_memory() noexcept;
  void note_executed(serial until) noexcept;
  /// Destroys what the device is done with.
  void bury() noexcept;
  /// True when nothing is in flight any more.
  bool drain() noexcept;

  struct retired_object {
    serial last_use;
    std::uint64_t object;
    destroy_function destroy;
  };

  std::shared_ptr<checkpoint> vk_;
  std::unique_ptr<instance> instance_;
  adapter adapter_;
  std::function<void(const std::string&)> on_message_;
  tuning choices_;
  std::optional<std::uint32_t> direct_type_;

  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;

  std::mutex submit_mutex_;  ///< guards the queue and the order of serials
  std::atomic<serial> submitted_ = 0;
  std::atomic<serial> executed_ = 0;

  std::mutex retired_mutex_;
  std::vector<retired_object> retired_;
};

/// Owns one Vulkan object of a device and retires it. Must not outlive its `gpu`.
template <class Handle, void(VKAPI_PTR* Destroy)(VkDevice, Handle, const VkAllocationCallbacks*)>
class unique_handle {
public:
  unique_handle() = default;
  unique_handle(gpu& owner, Handle handle) noexcept : owner_(&owner), handle_(handle) {}
  unique_handle(unique_handle&& other) noexcept
      : owner_(other.owner_), handle_(std::exchange(other.handle_, Handle{VK_NULL_HANDLE})) {}
  unique_handle& operator=(unique_handle&& other) noexcept {
    std::swap(owner_, other.owner_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~unique_handle() {
    if (handle_ != Handle{VK_NULL_HANDLE})
      owner_->retire((std::uint64_t)handle_,
                     [](VkDevice device, std::uint64_t object) { Destroy(device, (Handle)object, nullptr); });
  }
  Handle get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != Handle{VK_NULL_HANDLE}; }

private:
  gpu* owner_ = nullptr;
  Handle handle_{VK_NULL_HANDLE};
};

// C-style casts above: a handle is a pointer on 64-bit hosts and an integer on others, and no named cast does both.

using unique_buffer = unique_handle<VkBuffer, vkDestroyBuffer>;
using unique_buffer_view = unique_handle<VkBufferView, vkDestroyBufferView>;
using unique_memory = unique_handle<VkDeviceMemory, vkFreeMemory>;
using unique_pipeline = unique_handle<VkPipeline, vkDestroyPipeline>;
using unique_pipeline_cache = unique_handle<VkPipelineCache, vkDestroyPipelineCache>;
using unique_pipeline_layout = unique_handle<VkPipelineLayout, vkDestroyPipelineLayout>;
using unique_set_layout = unique_handle<VkDescriptorSetLayout, vkDestroyDescriptorSetLayout>;
using unique_descriptor_pool = unique_handle<VkDescriptorPool, vkDestroyDescriptorPool>;
using unique_command_pool = unique_handle<VkCommandPool, vkDestroyCommandPool>;
using unique_query_pool = unique_handle<VkQueryPool, vkDestroyQueryPool>;
using unique_shader_module = unique_handle<VkShaderModule, vkDestroyShaderModule>;

}  // namespace troupe::vulkan
