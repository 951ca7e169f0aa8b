// What this process's device reaches: measured once for each device, driver and version of Troupe, and kept.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "shard.hpp"
#include "troupe/engine/ability.hpp"

namespace troupe {

/// Safe to use from any thread.
class ability_source {
public:
  /// `state_directory` holds `abilities.json`; empty: nothing is kept after this process.
  ability_source(device_opener open, std::filesystem::path state_directory)
      : open_(std::move(open)), directory_(std::move(state_directory)) {}

  /// What is known already.
  std::optional<node_ability> known() const;

  /// Opens the device and measures it unless that is known; blocks for some seconds then: not for actors that have to
  /// answer. Processes that share a state directory measure one after the other, so that they do not disturb each
  /// other.
  result<node_ability> get();

private:
  device_opener open_;
  std::filesystem::path directory_;
  mutable std::mutex mutex_;  ///< of `known_`
  std::mutex measuring_;      ///< one measures, the others wait for it
  std::optional<node_ability> known_;
};

}  // namespace troupe
