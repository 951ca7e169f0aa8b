// What all schedules of one workload share: the plan of the model, and what a cluster without faults would answer.
#pragma once

#include <map>

#include "plan.hpp"
#include "simulation/simulation.hpp"

namespace troupe::simulation {

/// One thread only.
class prepared_model {
public:
  static result<std::shared_ptr<prepared_model>> make(std::shared_ptr<const model_under_test> model,
                                                      const workload& work);

  const std::shared_ptr<const plan>& layout() const noexcept { return layout_; }
  const std::shared_ptr<const operator_table>& operators() const noexcept { return operators_; }
  const model_under_test& model() const noexcept { return *model_; }
  result<std::shared_ptr<device>> open_device() const;

  std::vector<tensor> inputs(std::uint32_t session, std::int64_t first, std::int64_t count) const;
  /// The first output of these rows, without any fault.
  result<tensor> expected(std::uint32_t session, std::int64_t first, std::int64_t count);

private:
  result<tensor> undisturbed(std::uint32_t session, std::int64_t first, std::int64_t count);

  std::shared_ptr<const model_under_test> model_;
  std::shared_ptr<const operator_table> operators_;
  std::shared_ptr<const plan> layout_;
  std::vector<std::unique_ptr<program>> stages_;  ///< of the first replica
  std::map<std::uint32_t, tensor> known_;         ///< all rows so far, by session (with states) or batch
  std::map<std::uint32_t, std::int64_t> rows_known_;
};

}  // namespace troupe::simulation
