#include "device/vulkan/pipelines.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include "device/waiting.hpp"
#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {
namespace {

constexpr std::uint32_t push_constant_bytes = 128;  // what every Vulkan device has
constexpr std::size_t pipelines_per_call = 8;

/// The specialization constants of one pipeline: word i is constant i.
struct specialization {
  explicit specialization(const std::vector<std::uint32_t>& words) {
    for (std::uint32_t i = 0; i < words.size(); ++i) entries.push_back({i, i * 4, 4});
    info = {static_cast<std::uint32_t>(entries.size()), entries.data(), words.size() * 4, words.data()};
  }
  specialization(const specialization&) = delete;
  specialization& operator=(const specialization&) = delete;

  std::vector<VkSpecializationMapEntry> entries;
  VkSpecializationInfo info{};
};

}  // namespace

pipeline_key key_of(const dispatch& work) {
  return {std::string(work.shader), work.specialization, kinds_of(work)};
}

operand_kinds kinds_of(const dispatch& work) {
  operand_kinds kinds{static_cast<std::uint32_t>(work.operands.size()), 0};
  for (std::uint32_t i = 0; i < kinds.count; ++i) kinds.texels |= (work.operands[i].texels ? 1u : 0u) << i;
  return kinds;
}

result<void> pipeline_set::add_layout(operand_kinds operands) {
  if (layouts_.count(operands)) return {};
  std::vector<VkDescriptorSetLayoutBinding> bindings(operands.count);
  for (std::uint32_t i = 0; i < operands.count; ++i)
    bindings[i] = {i, descriptor_type(operands.texels & (1u << i)), 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  auto set_info = vk_struct<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set_info.bindingCount = operands.count;
  set_info.pBindings = bindings.data();
  VkDescriptorSetLayout set = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner_->vk(), vkCreateDescriptorSetLayout, owner_->handle(), &set_info, nullptr, &set));
  operand_layout made{unique_set_layout(*owner_, set), {}};

  const VkPushConstantRange constants{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_constant_bytes};
  auto info = vk_struct<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  info.setLayoutCount = 1;
  info.pSetLayouts = &set;
  info.pushConstantRangeCount = 1;
  info.pPushConstantRanges = &constants;
  VkPipelineLayout pipeline = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner_->vk(), vkCreatePipelineLayout, owner_->handle(), &info, nullptr, &pipeline));
  made.pipeline = unique_pipeline_layout(*owner_, pipeline);
  layouts_.emplace(operands, std::move(made));
  return {};
}

result<unique_shader_module> pipeline_set::make_module(const std::string& shader) {
  const auto words = kernels_(shader, f16_storage_);
  if (words.empty()) return fail(errc::internal, "there is no kernel \"{}\"", shader);
  auto info = vk_struct<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  info.codeSize = words.size_bytes();
  info.pCode = words.data();
  VkShaderModule made = VK_NULL_HANDLE;
  TROUPE_CHECK(TROUPE_VK(owner_->vk(), vkCreateShaderModule, owner_->handle(), &info, nullptr, &made));
  return unique_shader_module(*owner_, made);
}

result<void> pipeline_set::add(std::span<const pipeline_key> keys, VkPipelineCache cache, time_point deadline,
                               const cancellation& cancel) {
  std::set<pipeline_key> wanted;
  for (const pipeline_key& key : keys)
    if (!pipelines_.count(key)) wanted.insert(key);
  const std::vector<pipeline_key> missing(wanted.begin(), wanted.end());
  for (std::size_t first = 0; first < missing.size(); first += pipelines_per_call) {
    TROUPE_CHECK(still_wanted(deadline, cancel));
    const std::size_t count = std::min(pipelines_per_call, missing.size() - first);
    TROUPE_CHECK(create(std::span(missing).subspan(first, count), cache));
  }
  return {};
}

result<void> pipeline_set::create(std::span<const pipeline_key> keys, VkPipelineCache cache) {
  std::map<std::string, unique_shader_module> modules;
  std::deque<specialization> constants;  // their addresses must not change
  std::vector<VkComputePipelineCreateInfo> infos;
  for (const pipeline_key& key : keys) {
    TROUPE_CHECK(add_layout(key.operands));
    if (!modules.count(key.shader)) {
      TROUPE_TRY(auto module, make_module(key.shader));
      modules.emplace(key.shader, std::move(module));
    }
    constants.emplace_back(key.specialization);
    auto info = vk_struct<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
    info.stage = vk_struct<VkPipelineShaderStageCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO);
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.module = modules.at(key.shader).get();
    info.stage.pName = "main";
    info.stage.pSpecializationInfo = &constants.back().info;
    info.layout = layouts_.at(key.operands).pipeline.get();
    infos.push_back(info);
  }
  std::vector<VkPipeline> made(keys.size(), VK_NULL_HANDLE);
  const auto outcome = TROUPE_VK(owner_->vk(), vkCreateComputePipelines, owner_->handle(), cache,
                                 static_cast<std::uint32_t>(infos.size()), infos.data(), nullptr, made.data());
  // A failed call may have made some of them: those are kept, so that nothing leaks.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (made[i] == VK_NULL_HANDLE) continue;
    pipelines_.emplace(keys[i], unique_pipeline(*owner_, made[i]));
    cold_.push_back(keys[i]);
  }
  if (!outcome) return outcome.error();
  return {};
}

std::vector<pipeline_key> pipeline_set::take_cold() {
  return std::exchange(cold_, {});
}

}  // namespace troupe::vulkan
