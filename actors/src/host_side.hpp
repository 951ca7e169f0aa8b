// How host threads wait for actors without becoming part of the actor system.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>

#include "caf_error.hpp"
#include "runtime.hpp"
#include "troupe/engine/deadline.hpp"
#include "troupe/engine/result.hpp"

namespace troupe {

/// An answer that is due at its deadline may arrive a little after it.
inline constexpr std::chrono::seconds answer_grace{1};

/// A value that arrives from another thread, or not at all.
template <class T>
class awaited {
public:
  awaited() : promise_(std::make_shared<std::promise<T>>()), future_(promise_->get_future()) {}
  /// To be called once, from any thread.
  std::function<void(T)> setter() const {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }
  std::optional<T> wait_until(time_point deadline) {
    if (future_.wait_until(deadline) != std::future_status::ready) return std::nullopt;
    return future_.get();
  }

private:
  std::shared_ptr<std::promise<T>> promise_;
  std::future<T> future_;
};

/// Sends `message` to `whom` from a host thread and waits for the answer. A small actor asks in the thread's place:
/// scoped actors would tie the thread to the actor system.
template <class Answer, class Message>
result<Answer> ask_from_host(caf::actor_system& actors, const caf::actor& whom, duration patience, Message message) {
  const host_scope scope;
  awaited<result<Answer>> answer;
  actors.spawn([set = answer.setter(), whom, patience, message = std::move(message)](caf::event_based_actor* self) {
    quiet(*self);
    self->request(whom, patience, message)
        .then([set](Answer& received) { set(std::move(received)); }, [set](caf::error& why) { set(from_caf(why)); });
  });
  auto received = answer.wait_until(steady_clock::now() + patience + answer_grace);
  if (!received) return error(errc::deadline_exceeded, "an actor did not answer in time");
  return std::move(*received);
}

/// As above, for requests that are answered with nothing.
template <class Message>
result<void> order_from_host(caf::actor_system& actors, const caf::actor& whom, duration patience, Message message) {
  const host_scope scope;
  awaited<result<void>> answer;
  actors.spawn([set = answer.setter(), whom, patience, message = std::move(message)](caf::event_based_actor* self) {
    quiet(*self);
    self->request(whom, patience, message).then([set] { set({}); }, [set](caf::error& why) { set(from_caf(why)); });
  });
  auto received = answer.wait_until(steady_clock::now() + patience + answer_grace);
  if (!received) return error(errc::deadline_exceeded, "an actor did not answer in time");
  return std::move(*received);
}

}  // namespace troupe
