// Real actors under a supervisor: an actor system in virtual time or in real time, and children that do as they are
// told.
#pragma once

#include <algorithm>
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime.hpp"
#include "support/check.hpp"
#include "troupe/actors/messages.hpp"
#include "troupe/actors/supervisor.hpp"

namespace troupe::test {

/// What happened, in order, from any thread.
class journal {
public:
  void write(std::string line) const {
    const std::lock_guard lock(shared_->mutex);
    shared_->lines.push_back(std::move(line));
  }
  /// All lines since the last call.
  std::vector<std::string> take() const {
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->lines, {});
  }
  std::size_t count(const std::string& line) const {
    const std::lock_guard lock(shared_->mutex);
    return static_cast<std::size_t>(std::count(shared_->lines.begin(), shared_->lines.end(), line));
  }
  bool has(const std::string& line) const { return count(line) > 0; }

private:
  struct pages {
    std::mutex mutex;
    std::vector<std::string> lines;
  };
  std::shared_ptr<pages> shared_ = std::make_shared<pages>();
};

/// An actor system. In virtual time nothing happens but in `run` and `advance`, on the calling thread.
class runtime {
public:
  explicit runtime(bool simulated) : config_({.threads = 2, .simulated = simulated}), system_(config_) {
    scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_.scheduler());
  }

  caf::actor_system& system() { return system_; }
  caf::event_based_actor* nobody() { return nullptr; }

  /// Runs everything that is due now.
  void run() { scheduler_->run(); }
  /// Lets `span` of virtual time pass, everything in its order.
  void advance(milliseconds span) {
    auto& clock = scheduler_->clock();
    const auto until = clock.now() + span;
    run();
    while (!clock.schedule().empty() && clock.schedule().begin()->first <= until) {
      clock.trigger_timeout();
      run();
    }
    clock.current_time = std::max(clock.current_time, until);
  }
  time_point now() { return system_.clock().now(); }

  /// The answer to a request, or its error; in virtual time it must come without time passing.
  template <class Answer, class Request>
  result<Answer> ask(const caf::actor& whom, Request request) {
    auto future = begin_ask<Answer>(whom, std::move(request));
    if (scheduler_) run();
    return finish_ask(future);
  }
  template <class Answer, class Request>
  std::future<result<Answer>> begin_ask(const caf::actor& whom, Request request) {
    auto promise = std::make_shared<std::promise<result<Answer>>>();
    system_.spawn([=](caf::event_based_actor* self) {
      quiet(*self);
      auto failed = [=](caf::error& why) { promise->set_value(from_caf(why)); };
      auto handle = self->request(whom, std::chrono::minutes(10), request);
      if constexpr (std::is_void_v<Answer>)
        handle.then([=] { promise->set_value({}); }, failed);
      else
        handle.then([=](const Answer& answer) { promise->set_value(answer); }, failed);
    });
    return promise->get_future();
  }
  template <class Answer>
  result<Answer> finish_ask(std::future<result<Answer>>& future) {
    const auto patience = scheduler_ ? std::chrono::seconds(0) : std::chrono::seconds(20);
    if (future.wait_for(patience) != std::future_status::ready) return error(errc::deadline_exceeded, "no answer");
    return future.get();
  }

  /// Why `whom` ended, in words; "alive" while it lives, "normal" after a normal end.
  std::string end_of(const caf::actor& whom) {
    auto promise = std::make_shared<std::promise<std::string>>();
    auto future = promise->get_future();
    caf::actor_addr address = whom.address();
    const caf::actor watcher = system_.spawn([=](caf::event_based_actor* self) -> caf::behavior {
      quiet(*self);
      self->set_down_handler([=](caf::scheduled_actor* me, caf::down_msg& down) {
        promise->set_value(down.reason ? describe(down.reason) : "normal");
        me->quit();
      });
      self->monitor(address);
      return {[](int) {}};
    });
    if (scheduler_) run();
    const auto patience = scheduler_ ? std::chrono::seconds(0) : std::chrono::seconds(20);
    std::string reason = "alive";
    if (future.wait_for(patience) == std::future_status::ready) reason = future.get();
    caf::anon_send_exit(watcher, caf::exit_reason::kill);
    if (scheduler_) run();
    return reason;
  }

  void stop(const caf::actor& supervisor) {
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
    if (scheduler_) run();
  }

private:
  host_scope scope_;  // destroyed last
  runtime_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
};

/// Waits, in real time, until `done()`.
template <class Done>
bool eventually(Done done, std::chrono::milliseconds patience = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Ends of a child, as words to send to it.
inline const std::vector<std::string> normal_ends{"quit", "shutdown"};
inline const std::vector<std::string> abnormal_ends{"error", "kill", "throw", "throw_int"};

/// Does as it is told by a word; writes "ID up" and, when it ends in any way, "ID down".
class obedient {
public:
  explicit obedient(caf::event_based_actor* self) : self_(self) {}
  obedient(const obedient&) = delete;
  obedient& operator=(const obedient&) = delete;
  ~obedient() {
    if (!id_.empty()) book_.write(id_ + " down");
  }

  caf::behavior make_behavior(std::string id, journal book) {
    quiet(*self_);
    id_ = std::move(id);
    book_ = std::move(book);
    book_.write(id_ + " up");
    return {
        [this](const std::string& word) {
          if (word == "quit") self_->quit();
          if (word == "shutdown") self_->quit(caf::exit_reason::user_shutdown);
          if (word == "error") self_->quit(to_caf(error(errc::device_lost, "the device is gone")));
          if (word == "kill") self_->send_exit(self_, caf::exit_reason::kill);
          if (word == "throw") throw std::runtime_error("a bug");
          if (word == "throw_int") throw 42;
          if (word == "ignore_stop") self_->set_exit_handler([](caf::scheduled_actor*, caf::exit_msg&) {});
          if (word == "mute") self_->set_default_handler(caf::skip);
        },
        [this](int number) {
          book_.write(id_ + " got " + std::to_string(number));
          return number + 1;
        },
    };
  }

private:
  caf::event_based_actor* self_;
  std::string id_;
  journal book_;
};

/// A child that starts at once, restarts without a pause in the tests that do not look at pauses.
inline child_spec obedient_child(const std::string& id, const journal& book,
                                 restart_kind restart = restart_kind::permanent) {
  child_spec made;
  made.id = id;
  made.restart = restart;
  made.start = [id, book](caf::event_based_actor* parent) { return spawn_state<obedient>(*parent, id, book); };
  return made;
}

inline supervisor_spec spec_of(restart_strategy strategy, std::vector<child_spec> children) {
  supervisor_spec made;
  made.name = "test";
  made.strategy = strategy;
  made.backoff_initial = made.backoff_max = milliseconds(0);
  made.children = std::move(children);
  return made;
}

inline supervision_observer observe_into(const journal& book) {
  return [book](const supervision_event& event) {
    book.write(std::string(to_string(event.kind)) + (event.child.empty() ? "" : " " + event.child));
  };
}

/// A supervisor in virtual time, with three obedient children a, b, c unless told otherwise.
class stage {
public:
  explicit stage(restart_strategy strategy, restart_kind kind_of_b = restart_kind::permanent)
      : stage([&](const journal& pages) {
          return spec_of(strategy, {obedient_child("a", pages), obedient_child("b", pages, kind_of_b),
                                    obedient_child("c", pages)});
        }) {}
  template <class MakeSpec>
  explicit stage(MakeSpec make_spec) {
    root = need(spawn_supervisor(world.system(), make_spec(book), observe_into(events)));
    world.run();
  }
  ~stage() {
    caf::anon_send_exit(root, caf::exit_reason::kill);
    world.run();
  }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  caf::actor child(const std::string& id) {
    auto found = world.ask<caf::actor>(root, whereis{id});
    return found ? *found : caf::actor();
  }
  bool is_up(const std::string& id) { return static_cast<bool>(child(id)); }
  std::string up() {
    std::string ids;
    for (const std::string id : {"a", "b", "c", "d"})
      if (is_up(id)) ids += id;
    return ids;
  }
  void say(const std::string& id, const std::string& word) {
    caf::anon_send(child(id), word);
    world.run();
  }

  runtime world{true};
  journal book;    ///< what children wrote
  journal events;  ///< what the supervisor told its observer
  caf::actor root;
};

}  // namespace troupe::test
