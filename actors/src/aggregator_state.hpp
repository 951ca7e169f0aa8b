// Joins the partial results of requests: rows of a split batch, or answers of several models. Plain state.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "plan.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

namespace aggregator_limits {
/// Requests whose parts are being collected; the coordinator admits fewer (`coordinator_limits::requests_max`).
inline constexpr std::size_t requests_max = 2048;
}  // namespace aggregator_limits

/// Joins the outputs of all micro-batches, in their order, as `layout` says. `parts[m][o]` is output o of micro-batch
/// m. Sums run in fp32 in the order of the models, so that the result does not depend on who answered first.
result<std::vector<tensor>> join(const plan& layout, const std::vector<std::vector<tensor>>& parts);

/// Which partial results are there and which are missing.
class aggregator_state {
public:
  explicit aggregator_state(std::shared_ptr<const plan> layout) : layout_(std::move(layout)) {}

  /// Starts collecting, or starts again. Results of attempts before `first_attempt` do not count.
  void expect(std::uint64_t request, std::uint32_t micros, std::uint32_t first_attempt = 0);
  void forget(std::uint64_t request) { requests_.erase(request); }
  struct joined_parts {
    std::uint32_t first_attempt;
    result<std::vector<tensor>> outcome;
  };
  /// Adds one partial result; returns the joined answer when it was the last one. Unknown requests and repeated
  /// micro-batches are ignored: they are late answers of attempts that were replaced.
  std::optional<joined_parts> add(std::uint64_t request, std::uint32_t attempt, std::uint32_t micro,
                                  std::vector<tensor> outputs);

  std::size_t requests() const noexcept { return requests_.size(); }

private:
  struct collection {
    std::vector<std::optional<std::vector<tensor>>> parts;
    std::size_t missing = 0;
    std::uint32_t first_attempt = 0;
  };

  std::shared_ptr<const plan> layout_;
  std::map<std::uint64_t, collection> requests_;
};

}  // namespace troupe
