#include "weight_registry.hpp"

namespace troupe {

void weight_registry::add(const std::shared_ptr<const packed_weights>& weights) {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [](const auto& each) { return each.expired(); });
  known_.push_back(weights);
}

std::vector<std::shared_ptr<const packed_weights>> weight_registry::known() const {
  std::vector<std::shared_ptr<const packed_weights>> alive;  // may be the last owners: let go outside the lock
  const std::lock_guard lock(mutex_);
  for (const auto& each : known_)
    if (auto held = each.lock()) alive.push_back(std::move(held));
  return alive;
}

std::shared_ptr<const packed_weights> weight_registry::find(const std::shared_ptr<const graph>& network) const {
  for (auto& each : known())
    if (each->network() == network) return each;
  return nullptr;
}

std::optional<tensor> weight_registry::find(const content_hash& hash) const {
  for (const auto& each : known())
    if (auto found = each->find(hash); found && *found) return std::move(**found);
  return std::nullopt;
}

}  // namespace troupe
