#include "device/vulkan/gpu.hpp"

#include <algorithm>
#include <thread>

#include "device/vulkan/cooperative_matrix.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

std::uint64_t nanoseconds(duration time) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
}

call_outcome wait_for(checkpoint& vk, VkDevice device, VkSemaphore timeline, serial until, duration time) {
  auto info = vk_struct<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
  info.semaphoreCount = 1;
  info.pSemaphores = &timeline;
  info.pValues = &until;
  return vk.attempt("vkWaitSemaphores", vkWaitSemaphores, device, &info, nanoseconds(time));
}

}  // namespace

gpu::gpu(std::shared_ptr<checkpoint> vk, std::unique_ptr<instance> connection, adapter found,
         const device_options& options, const tuning& choices)
    : vk_(std::move(vk)),
      instance_(std::move(connection)),
      adapter_(std::move(found)),
      on_message_(options.on_message),
      choices_(choices) {}

result<std::shared_ptr<gpu>> gpu::open(std::shared_ptr<checkpoint> vk, std::unique_ptr<instance> connection,
                                       adapter found, const device_options& options, const tuning& choices) {
  TROUPE_CHECK(found.check_usable());
  std::shared_ptr<gpu> made(new gpu(std::move(vk), std::move(connection), std::move(found), options, choices));
  TROUPE_CHECK(made->create_device().while_doing(fmt::format("opening \"{}\"", made->adapter_.info.name)));
  TROUPE_CHECK(made->create_timeline());
  made->find_direct_memory();
  return made;
}

result<void> gpu::create_device() {
  const float priority = 1.0f;
  auto queue = vk_struct<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = queue_family();
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto v11 = vk_struct<VkPhysicalDeviceVulkan11Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
  v11.storageBuffer16BitAccess = VK_TRUE;
  auto v12 = vk_struct<VkPhysicalDeviceVulkan12Features>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
  v12.timelineSemaphore = VK_TRUE;
  v12.shaderFloat16 = adapter_.info.fp16_arithmetic;
  v11.pNext = &v12;
  auto matrices = vk_struct<VkPhysicalDeviceCooperativeMatrixFeaturesKHR>(cooperative_matrix::structure_type_features);
  matrices.cooperativeMatrix = VK_TRUE;
  const bool uses_matrix_units = static_cast<bool>(adapter_.info.traits.matrix);
  const char* const extension = cooperative_matrix::extension;
  if (uses_matrix_units) {
    v12.vulkanMemoryModel = VK_TRUE;
    v12.pNext = &matrices;
  }
  auto info = vk_struct<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &v11;
  info.enabledExtensionCount = uses_matrix_units ? 1 : 0;
  info.ppEnabledExtensionNames = &extension;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  VkDevice made = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(*vk_, vkCreateDevice, adapter_.handle, &info, nullptr, &made));
  device_ = made;
  vkGetDeviceQueue(device_, queue_family(), 0, &queue_);
  return {};
}

result<void> gpu::create_timeline() {
  auto type = vk_struct<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  auto info = vk_struct<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
  info.pNext = &type;
  VkSemaphore made = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(*vk_, vkCreateSemaphore, device_, &info, nullptr, &made));
  timeline_ = made;
  return {};
}

void gpu::find_direct_memory() noexcept {
  if (choices_.staging_only) return;
  constexpr VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  for (std::uint32_t i = 0; i < adapter_.memory.memoryTypeCount; ++i) {
    const VkMemoryType& type = adapter_.memory.memoryTypes[i];
    // A small window onto the memory of a discrete GPU does not count: it could not hold a model.
    const bool whole = adapter_.memory.memoryHeaps[type.heapIndex].size >= adapter_.info.memory_bytes;
    if ((type.propertyFlags & wanted) == wanted && whole) {
      direct_type_ = i;
      return;
    }
  }
}

void gpu::message(const std::string& text) const {
  if (on_message_) on_message_(text);
}

result<serial> gpu::submit(VkCommandBuffer commands) {
  bury();
  const std::lock_guard lock(submit_mutex_);
  const serial next = submitted_.load() + 1;
  auto values = vk_struct<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
  values.signalSemaphoreValueCount = 1;
  values.pSignalSemaphoreValues = &next;
  auto info = vk_struct<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.pNext = &values;
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands;
  info.signalSemaphoreCount = 1;
  info.pSignalSemaphores = &timeline_;
  TROUPE_CHECK(TROUPE_VK(*vk_, vkQueueSubmit, queue_, 1, &info, VK_NULL_HANDLE));
  submitted_.store(next);
  return next;
}

result<void> gpu::wait(serial until, time_point deadline, const cancellation& cancel) {
  while (executed_.load() < until) {
    if (cancel.cancelled()) return fail(errc::cancelled, "the caller withdrew the request");
    const auto left = deadline - steady_clock::now();
    if (left <= duration::zero())
      return fail(errc::deadline_exceeded, "the device does not finish before the deadline; allow more time");
    if (vk_->lost()) return fail(errc::device_lost, "the device was lost; open it again and repeat");
    const auto slice = std::min<duration>(left, wait_slice);
    TROUPE_TRY(const VkResult code, vk_->judge("vkWaitSemaphores", wait_for(*vk_, device_, timeline_, until, slice)));
    if (code == VK_SUCCESS) note_executed(until);
  }
  return {};
}

bool gpu::executed(serial until) {
  if (executed_.load() >= until) return true;
  serial now = 0;
  const auto outcome = vk_->attempt("vkGetSemaphoreCounterValue", vkGetSemaphoreCounterValue, device_, timeline_, &now);
  if (outcome.code != VK_SUCCESS) return false;
  note_executed(now);
  return now >= until;
}

void gpu::note_executed(serial until) noexcept {
  serial known = executed_.load();
  while (known < until && !executed_.compare_exchange_weak(known, until)) {
  }
}

void gpu::retire(std::uint64_t object, destroy_function destroy) noexcept {
  const serial last_use = submitted_.load();
  if (executed_.load() >= last_use) return destroy(device_, object);
  const std::lock_guard lock(retired_mutex_);
  try {
    retired_.push_back({last_use, object, destroy});
  } catch (const std::bad_alloc&) {
    message("The host has no memory to note a Vulkan object for destruction; it is leaked.");
  }
}

void gpu::bury() noexcept {
  const std::lock_guard lock(retired_mutex_);
  if (retired_.empty() || !executed(retired_.front().last_use)) return;
  const serial done = executed_.load();
  std::erase_if(retired_, [&](const retired_object& gone) {
    if (gone.last_use > done) return false;
    gone.destroy(device_, gone.object);
    return true;
  });
}

bool gpu::drain() noexcept {
  const serial last = submitted_.load();
  const auto limit = steady_clock::now() + drain_limit;
  while (executed_.load() < last) {
    const call_outcome outcome = wait_for(*vk_, device_, timeline_, last, wait_slice);
    if (outcome.code == VK_SUCCESS) note_executed(last);
    // A device that the driver itself gave up has stopped using its objects; one that a fault hook lost has not.
    if (outcome.code == VK_ERROR_DEVICE_LOST && !outcome.injected) return true;
    if (steady_clock::now() > limit) return false;
    if (outcome.code < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

gpu::~gpu() {
  if (!device_) return;
  if (!drain()) {
    message(fmt::format("The device \"{}\" does not finish its work within {} ms; its objects are leaked on purpose.",
                        adapter_.info.name, drain_limit.count()));
    instance_->leak();
    return;
  }
  for (const retired_object& gone : retired_) gone.destroy(device_, gone.object);
  if (timeline_) vkDestroySemaphore(device_, timeline_, nullptr);
  vkDestroyDevice(device_, nullptr);
}

}  // namespace troupe::vulkan
