#include "part_loader.hpp"

#include "caf_error.hpp"
#include "parameter_store.hpp"

namespace troupe {
namespace {

/// Longer than anybody waits for a model: each chunk of it has a deadline of its own.
constexpr std::chrono::seconds fetch_patience = std::chrono::hours(24);

}  // namespace

void part_loader::fetch(load_part_msg order, callback done) {
  const part_key key{order.plan, order.part};
  if (const auto earlier = waiting_.find(key); earlier != waiting_.end()) drop(earlier);
  const std::uint64_t ticket = ++tickets_;
  const caf::actor store = store_ ? store_() : caf::actor();
  fetch_weights_msg wanted{order.plan,    order.part,    order.host,    order.network,
                           order.lacking, order.holders, order.observer};
  waiting_.emplace(key, waiting_order{ticket, std::move(order), std::move(done)});
  if (!store)
    return ended(key, ticket, error(errc::unavailable, "the parameter store of the node is not there now; try again"));
  self_.request(store, fetch_patience, std::move(wanted))
      .then([this, key, ticket](weights_msg& fetched) { ended(key, ticket, std::move(fetched.weights)); },
            [this, key, ticket](caf::error& why) { ended(key, ticket, from_caf(why)); });
}

void part_loader::ended(const part_key& key, std::uint64_t ticket,
                        result<std::shared_ptr<const packed_weights>> outcome) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end() || found->second.ticket != ticket) return;
  waiting_order over = std::move(found->second);
  waiting_.erase(found);
  over.done(over.order, std::move(outcome));
}

void part_loader::drop(std::map<part_key, waiting_order>::iterator which) {
  if (const caf::actor store = store_ ? store_() : caf::actor())
    self_.send(store, cancel_fetch_msg{which->first.first, which->first.second});
  waiting_.erase(which);
}

}  // namespace troupe
