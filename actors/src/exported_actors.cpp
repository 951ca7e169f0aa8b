#include "exported_actors.hpp"

#include <caf/actor_cast.hpp>

namespace troupe {

caf::actor exported_actors::find(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = exported_.find(number);
  return found == exported_.end() ? caf::actor() : caf::actor_cast<caf::actor>(found->second);
}

std::uint64_t exported_actors::publish(const caf::actor& handle) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = numbers_.find(handle.id()); known != numbers_.end()) return known->second;
  }
  const auto drawn = random_bits_();  // 64 of them name an actor
  const std::uint64_t number = drawn ? drawn->low : 0;
  if (number <= node_actor_number) return 0;
  publish_as(number, handle);
  const std::lock_guard lock(mutex_);
  const auto known = numbers_.find(handle.id());  // another thread may have been faster; both numbers are good
  return known == numbers_.end() ? number : known->second;
}

void exported_actors::publish_as(std::uint64_t number, const caf::actor& handle) {
  {
    const std::lock_guard lock(mutex_);
    exported_.insert_or_assign(number, handle.address());
    if (number != node_actor_number) numbers_.emplace(handle.id(), number);
  }
  handle->attach_functor([self = weak_from_this(), number, id = handle.id(), address = handle.address()] {
    if (const auto alive = self.lock()) alive->forget(number, id, address);
  });
}

void exported_actors::forget(std::uint64_t number, caf::actor_id id, const caf::actor_addr& address) {
  const std::lock_guard lock(mutex_);
  numbers_.erase(id);
  if (const auto found = exported_.find(number); found != exported_.end() && found->second == address)
    exported_.erase(found);
}

}  // namespace troupe
