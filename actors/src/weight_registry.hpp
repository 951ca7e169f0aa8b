// The weights that are in this process's memory, for the parameter store to give on, and what has been given.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "troupe/transport/packed_weights.hpp"

namespace troupe {

/// Safe to use from any thread. Holds nothing alive: weights that nobody uses any more are forgotten.
class weight_registry {
public:
  void add(const std::shared_ptr<const packed_weights>& weights);
  /// The weights of this very network, or nothing.
  std::shared_ptr<const packed_weights> find(const std::shared_ptr<const graph>& network) const;
  /// The chunk of this name as uint8[n], or nothing.
  std::optional<tensor> find(const content_hash& hash) const;

  std::atomic<std::uint64_t> bytes_sent{0};      ///< to other nodes
  std::atomic<std::uint64_t> bytes_received{0};  ///< from other nodes, and found right

private:
  /// Those that are alive.
  std::vector<std::shared_ptr<const packed_weights>> known() const;

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<const packed_weights>> known_;
};

}  // namespace troupe
