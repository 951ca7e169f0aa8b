// The parts that wait for their weights on a node.
#pragma once

#include <caf/event_based_actor.hpp>
#include <functional>
#include <map>

#include "model_messages.hpp"

namespace troupe {

/// Belongs to one actor and is used by it alone.
class part_loader {
public:
  /// Called by the actor with the order as it came and what it lacks.
  using callback = std::function<void(load_part_msg&, result<std::shared_ptr<const packed_weights>>)>;

  /// `store` gives the parameter store as it is now.
  part_loader(caf::event_based_actor& self, std::function<caf::actor()> store)
      : self_(self), store_(std::move(store)) {}

  /// Has the weights fetched that `order` lacks; `done` is called later, once, unless `cancel` comes before. An earlier
  /// order for the same part is cancelled.
  void fetch(load_part_msg order, callback done);
  /// Cancels the orders for which `unwanted(order)`.
  template <class Predicate>
  void cancel(Predicate unwanted) {
    for (auto each = waiting_.begin(); each != waiting_.end();) {
      const auto here = each++;
      if (unwanted(here->second.order)) drop(here);
    }
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, waiting] : waiting_) visit(waiting.order);
  }
  std::size_t size() const noexcept { return waiting_.size(); }

private:
  using part_key = std::pair<std::uint64_t, std::uint32_t>;  // plan, part
  struct waiting_order {
    std::uint64_t ticket;
    load_part_msg order;
    callback done;
  };

  void ended(const part_key& key, std::uint64_t ticket, result<std::shared_ptr<const packed_weights>> outcome);
  void drop(std::map<part_key, waiting_order>::iterator which);

  caf::event_based_actor& self_;
  std::function<caf::actor()> store_;
  std::uint64_t tickets_ = 0;
  std::map<part_key, waiting_order> waiting_;
};

}  // namespace troupe
