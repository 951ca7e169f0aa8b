// What every actor of ours and every host entry needs from CAF: configuration, quiet handlers, checked states, guarded
// promises, and thin names for sending, which are all that changes with another CAF version.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

#include "caf_error.hpp"

namespace troupe {

struct runtime_options {
  std::size_t threads = 0;      ///< of the scheduler; 0: one per core, at least 2
  std::size_t throughput = 50;  ///< messages that an actor handles before others get their turn
  bool simulated = false;       ///< one thread, driven by hand, with virtual time (`caf::scheduler::test_coordinator`)
};

/// The configuration of our actor systems: our messages and errors, and a scheduler with one shared queue, whose round
/// trips are ten times shorter than those of the work-stealing default. It reads no file and no argument.
class runtime_config final : public caf::actor_system_config {
public:
  explicit runtime_config(const runtime_options& options = {});
};

/// Put one on the stack of every host function that makes, uses or destroys an actor system: CAF keeps the system's
/// logger in a thread-local strong pointer, and the system's destructor waits for it for ever.
class host_scope {
public:
  host_scope() = default;
  host_scope(const host_scope&) = delete;
  host_scope& operator=(const host_scope&) = delete;
  ~host_scope();
};

/// CAF's default handlers print to the host's terminal, and quit on any error message. Call this first in every
/// behaviour: unknown messages are answered with an error, stray errors and downs are dropped, an exception ends the
/// actor with an `internal` error that carries its text.
void quiet(caf::scheduled_actor& self);

/// The state of an actor. CAF 0.17 initialises the first member of an aggregate from the actor's own pointer when it
/// is compiled as C++20, so a state must have a constructor, from `caf::event_based_actor*`.
template <class State>
struct checked_state : State {
  static_assert(!std::is_aggregate_v<State>, "give the state a constructor: CAF would fill its first member with self");
  static_assert(std::is_constructible_v<State, caf::event_based_actor*>, "a state is made from its actor's pointer");
  using State::State;
};

/// Spawns an actor whose behaviour is `State(self).make_behavior(arguments...)`; `spawner` is an actor system or an
/// actor.
template <class State, caf::spawn_options Options = caf::no_spawn_options, class Spawner, class... Arguments>
caf::actor spawn_state(Spawner& spawner, Arguments... arguments) {
  return spawner.template spawn<Options>(
      [](caf::stateful_actor<checked_state<State>>* self, Arguments... given) -> caf::behavior {
        return self->state.make_behavior(std::move(given)...);
      },
      std::move(arguments)...);
}

/// Whether the system runs in virtual time (`runtime_options::simulated`).
bool is_simulated(const caf::actor_system& system);

/// Spawns a child whose handlers block, on a thread of its own that ends with `parent`. In a simulation it runs as all
/// others do: what it blocks on is simulated too. `arguments` as for `parent.spawn`.
template <class Implementation, class... Arguments>
caf::actor spawn_blocking(caf::event_based_actor& parent, Arguments&&... arguments) {
  if (is_simulated(parent.system()))
    return parent.spawn<Implementation, caf::linked>(std::forward<Arguments>(arguments)...);
  return parent.spawn<Implementation, caf::detached + caf::linked>(std::forward<Arguments>(arguments)...);
}
/// The same with a function that makes the behaviour.
template <class Function>
caf::actor spawn_blocking_function(caf::event_based_actor& parent, Function make) {
  if (is_simulated(parent.system())) return parent.spawn<caf::linked>(std::move(make));
  return parent.spawn<caf::detached + caf::linked>(std::move(make));
}

/// A promise that cannot be forgotten: destroyed unanswered, it answers with an error. In CAF 0.17 a dropped promise
/// leaves the requester waiting for its timeout.
class promise_guard {
public:
  explicit promise_guard(caf::response_promise promise) : promise_(std::move(promise)) {}
  promise_guard(promise_guard&& other) noexcept : promise_(std::exchange(other.promise_, {})) {}
  promise_guard& operator=(promise_guard&& other) noexcept;
  ~promise_guard() { drop(); }

  template <class... Values>
  void deliver(Values&&... values) {
    promise_.deliver(std::forward<Values>(values)...);
    promise_ = {};
  }

private:
  void drop() noexcept;
  caf::response_promise promise_;
};

/// Sends without an answer.
template <class Self, class... Values>
void tell(Self* self, const caf::actor& whom, Values&&... values) {
  self->send(whom, std::forward<Values>(values)...);
}

/// Sends and expects an answer within `timeout`: `ask(...).then(value, error)`.
template <class Self, class... Values>
auto ask(Self* self, const caf::actor& whom, std::chrono::milliseconds timeout, Values&&... values) {
  return self->request(whom, timeout, std::forward<Values>(values)...);
}

/// The same, ahead of the ordinary messages in the mailbox of `whom`. (With a chrono timeout CAF 0.17 forgets the
/// priority of a request.)
template <class Self, class... Values>
auto ask_first(Self* self, const caf::actor& whom, std::chrono::milliseconds timeout, Values&&... values) {
  return self->template request<caf::message_priority::high>(whom, caf::duration{timeout},
                                                             std::forward<Values>(values)...);
}

/// Sends to `self` after `delay`; at once, but still through the mailbox, when it is 0.
template <class Self, class... Values>
void later(Self* self, std::chrono::milliseconds delay, Values&&... values) {
  if (delay.count() <= 0)
    self->send(self, std::forward<Values>(values)...);
  else
    self->delayed_send(self, delay, std::forward<Values>(values)...);
}

/// Kills `whom`, ahead of the messages in its mailbox. From any thread.
void kill_now(const caf::actor_addr& source, const caf::actor& whom);

}  // namespace troupe
