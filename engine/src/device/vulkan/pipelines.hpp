// The compute pipelines of one program.
#pragma once

#include <map>
#include <string>

#include "device/vulkan/gpu.hpp"
#include "troupe/engine/operator.hpp"

namespace troupe::vulkan {

/// Finds the SPIR-V of a kernel; empty when there is none. See `shaders::find`.
using kernel_source = std::function<std::span<const std::uint32_t>(std::string_view name, bool f16_storage)>;

/// The operands of a dispatch as its descriptor set sees them.
struct operand_kinds {
  std::uint32_t count = 0;
  std::uint32_t texels = 0;  ///< bit i: operand i is a texel buffer
  friend auto operator<=>(const operand_kinds&, const operand_kinds&) = default;
};
operand_kinds kinds_of(const dispatch& work);

constexpr VkDescriptorType descriptor_type(bool texels) noexcept {
  return texels ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

/// What makes one pipeline differ from another.
struct pipeline_key {
  std::string shader;
  std::vector<std::uint32_t> specialization;
  operand_kinds operands;
  friend auto operator<=>(const pipeline_key&, const pipeline_key&) = default;
};

/// The key of the pipeline that `work` needs.
pipeline_key key_of(const dispatch& work);

/// The layout that all pipelines with the same kinds of operands share: buffers 0, 1, ... of set 0, and 128 bytes of
/// push constants.
struct operand_layout {
  unique_set_layout set;
  unique_pipeline_layout pipeline;
};

/// Makes each pipeline once and keeps it as long as the program lives: on software devices compilation is the most
/// expensive thing there is. Must not outlive its `gpu`.
class pipeline_set {
public:
  pipeline_set(std::shared_ptr<gpu> owner, kernel_source kernels, bool f16_storage)
      : owner_(std::move(owner)), kernels_(std::move(kernels)), f16_storage_(f16_storage) {}

  /// Makes those of `keys` that are missing, a few in each call of the driver: compiling can take long, and the
  /// caller's patience is asked in between. What was made stays, also after an error.
  result<void> add(std::span<const pipeline_key> keys, VkPipelineCache cache, time_point deadline,
                   const cancellation& cancel);

  /// Only for keys that were added.
  VkPipeline pipeline(const pipeline_key& key) const { return pipelines_.at(key).get(); }
  const operand_layout& layout(operand_kinds operands) const { return layouts_.at(operands); }
  std::size_t size() const noexcept { return pipelines_.size(); }
  /// Keys added but never dispatched: their first dispatch may compile them.
  std::vector<pipeline_key> take_cold();

private:
  result<void> add_layout(operand_kinds operands);
  result<unique_shader_module> make_module(const std::string& shader);
  result<void> create(std::span<const pipeline_key> keys, VkPipelineCache cache);

  std::shared_ptr<gpu> owner_;
  kernel_source kernels_;
  bool f16_storage_;
  std::map<operand_kinds, operand_layout> layouts_;
  std::map<pipeline_key, unique_pipeline> pipelines_;
  std::vector<pipeline_key> cold_;
};

}  // namespace troupe::vulkan
