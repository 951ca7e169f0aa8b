#include "device/vulkan/prepared_store.hpp"

#include "troupe/engine/detail/fail.hpp"

namespace troupe::vulkan {

std::map<std::uint32_t, std::string> preparation_keys(const lowered_graph& work) {
  std::map<std::uint32_t, std::string> keys;
  for (const dispatch& step : work.preparations) {
    const std::string_view constants(reinterpret_cast<const char*>(step.push_constants.data()),
                                     step.push_constants.size());
    std::string key = fmt::format("{}({}){}:", step.shader, fmt::join(step.specialization, ","), step.groups);
    key += constants;
    for (const dispatch_operand& operand : step.operands) {
      const auto made_before = keys.find(operand.slot);
      key += fmt::format(" {}+{}", operand.part_begin, operand.part_elements);
      if (operand.written)
        key += fmt::format(" writes {}", work.slots[operand.slot].elements);
      else if (made_before != keys.end())
        key += fmt::format(" reads [{}]", made_before->second);
      else
        key += fmt::format(" reads {}", work.slots[operand.slot].root);
    }
    for (std::size_t i = 0; i < step.operands.size(); ++i)
      if (step.operands[i].written) keys.emplace(step.operands[i].slot, fmt::format("{} as operand {}", key, i));
  }
  return keys;
}

const memory_region* prepared_store::find(const std::string& key) const {
  const auto found = regions_.find(key);
  return found == regions_.end() ? nullptr : &found->second;
}

void prepared_store::keep(std::vector<buffer> blocks, std::map<std::string, memory_region> regions) {
  for (buffer& block : blocks) {
    bytes_ += block.size();
    blocks_.push_back(std::move(block));
  }
  regions_.merge(regions);
}

}  // namespace troupe::vulkan
