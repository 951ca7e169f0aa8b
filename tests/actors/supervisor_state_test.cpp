// The decision logic alone: details that real actors would hide, one event at a time.
#include "supervised_world.hpp"

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

child_policy rules(std::string id, restart_kind restart = restart_kind::permanent) {
  child_policy made;
  made.id = std::move(id);
  made.restart = restart;
  made.shutdown = milliseconds(100);
  made.kill_timeout = milliseconds(50);
  return made;
}

supervisor_policy policy(restart_strategy strategy) {
  supervisor_policy made;
  made.name = "test";
  made.strategy = strategy;
  made.backoff_initial = made.backoff_max = milliseconds(0);
  return made;
}

supervised_world world_of(restart_strategy strategy, restart_kind of_b = restart_kind::permanent) {
  return {policy(strategy), {rules("a"), rules("b", of_b), rules("c")}};
}

const std::vector<restart_strategy> strategies{restart_strategy::one_for_one, restart_strategy::one_for_all,
                                               restart_strategy::rest_for_one};

TEST_CASE("every strategy and restart kind decides as its table says", "[supervisor]") {
  struct row {
    restart_strategy strategy;
    restart_kind kind;
    bool normal;
    lines started;
  };
  using enum restart_strategy;
  using enum restart_kind;
  const std::vector<row> table{
      {one_for_one, permanent, true, {"b"}},
      {one_for_one, permanent, false, {"b"}},
      {one_for_one, transient, true, {}},
      {one_for_one, transient, false, {"b"}},
      {one_for_one, temporary, true, {}},
      {one_for_one, temporary, false, {}},
      {one_for_all, permanent, true, {"a", "b", "c"}},
      {one_for_all, permanent, false, {"a", "b", "c"}},
      {one_for_all, transient, true, {}},
      {one_for_all, transient, false, {"a", "b", "c"}},
      {one_for_all, temporary, true, {}},
      {one_for_all, temporary, false, {}},
      {rest_for_one, permanent, true, {"b", "c"}},
      {rest_for_one, permanent, false, {"b", "c"}},
      {rest_for_one, transient, true, {}},
      {rest_for_one, transient, false, {"b", "c"}},
      {rest_for_one, temporary, true, {}},
      {rest_for_one, temporary, false, {}},
  };
  for (const row& expected : table) {
    INFO(to_string(expected.strategy) << ", " << to_string(expected.kind)
                                      << (expected.normal ? ", normal" : ", crash"));
    supervised_world world = world_of(expected.strategy, expected.kind);
    world.start();
    CHECK(world.started() == lines{"a", "b", "c"});
    world.ends("b", expected.normal);
    world.run_for(seconds(1));
    CHECK(world.started() == expected.started);
    CHECK(world.violations().empty());
  }
}

TEST_CASE("a sibling that crashes while its group stops does not count twice", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::one_for_all);
  world.start();
  world.of("c").stops_after = milliseconds(30);
  world.crashes("a");
  world.crashes("b");
  world.crashes("c");
  world.run_for(seconds(1));
  CHECK(world.count(supervision_event_kind::restarting) == 1);
  CHECK(world.up() == lines{"a", "b", "c"});
}

TEST_CASE("rest_for_one: a crash of an earlier child widens the group that is being restarted", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::rest_for_one);
  world.start();
  world.deeds();
  world.of("c").stops_after = milliseconds(30);
  world.crashes("b");
  CHECK(world.deeds() == lines{"stop c"});
  world.crashes("a");
  world.run_for(seconds(1));
  CHECK(world.deeds() == lines{"start a", "start b", "start c"});
  CHECK(world.count(supervision_event_kind::restarting) == 2);
}

TEST_CASE("rest_for_one: a crash during the pause of a restart begins it anew", "[supervisor]") {
  supervisor_policy slow = policy(restart_strategy::rest_for_one);
  slow.backoff_initial = slow.backoff_max = milliseconds(50);
  supervised_world world(slow, {rules("a"), rules("b"), rules("c")});
  world.start();
  world.crashes("c");
  world.run_for(milliseconds(40));
  world.crashes("a");
  world.run_for(milliseconds(49));
  CHECK(world.up().empty());
  world.run_for(milliseconds(10));
  CHECK(world.up() == lines{"a", "b", "c"});
}

TEST_CASE("a crash while a group starts stops again what depends on it", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::rest_for_one);
  world.start();
  world.of("c").starts_after = milliseconds(10);
  world.crashes("a");
  while (!world.is_up("b") && world.step()) {
  }
  world.deeds();
  world.crashes("b");
  world.run_for(seconds(1));
  CHECK(world.up() == lines{"a", "b", "c"});
  CHECK(world.violations().empty());
}

TEST_CASE("one_for_one: children wait for their restarts independently", "[supervisor]") {
  supervisor_policy slow = policy(restart_strategy::one_for_one);
  slow.backoff_initial = slow.backoff_max = milliseconds(50);
  supervised_world world(slow, {rules("a"), rules("b"), rules("c")});
  world.start();
  world.deeds();
  world.crashes("a");
  world.run_for(milliseconds(25));
  world.crashes("b");
  CHECK(world.up() == lines{"c"});
  world.run_for(milliseconds(25));
  CHECK(world.up() == lines{"a", "c"});
  world.run_for(milliseconds(25));
  CHECK(world.deeds() == lines{"start a", "start b"});
}

TEST_CASE("the window slides: exactly at its end a restart still counts, after it no more", "[supervisor]") {
  for (const int extra : {0, 1}) {
    supervisor_policy strict = policy(restart_strategy::one_for_one);
    strict.restarts_max = 1;
    strict.window = milliseconds(100);
    supervised_world world(strict, {rules("a")});
    world.start();
    world.crashes("a");
    world.run_for(milliseconds(100 + extra));
    world.crashes("a");
    world.run_for(milliseconds(10));
    CHECK(world.finished() == (extra == 0));
  }
}

TEST_CASE("all children of all strategies stop last to first, each with its own patience", "[supervisor]") {
  for (const auto strategy : strategies) {
    supervised_world world = world_of(strategy);
    world.start();
    world.deeds();
    world.of("b").stops_after = std::nullopt;
    world.of("c").stops_after = world.of("c").dies_after = std::nullopt;
    world.shut_down();
    world.run_for(milliseconds(149));
    CHECK(world.deeds() == lines{"stop c", "kill c"});
    world.run_for(milliseconds(1));
    CHECK(world.deeds() == lines{"abandon c", "stop b"});
    world.run_for(milliseconds(101));
    CHECK(world.deeds() == lines{"kill b", "stop a"});
    world.run_for(milliseconds(1));
    CHECK(world.deeds() == lines{"finish"});
    CHECK_FALSE(world.failure());
    world.run_for(seconds(5));
    CHECK(world.violations().empty());
  }
}

TEST_CASE("a supervisor without children finishes as soon as it is asked to", "[supervisor]") {
  supervised_world world(policy(restart_strategy::one_for_all), {});
  world.start();
  CHECK_FALSE(world.finished());
  world.shut_down();
  CHECK(world.deeds() == lines{"finish"});
  world.shut_down();
  CHECK(world.deeds().empty());
}

TEST_CASE("a shutdown while a child comes up waits for it, then stops it", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::one_for_one);
  world.of("b").starts_after = milliseconds(10);
  world.start();
  CHECK(world.deeds() == lines{"start a", "start b"});
  CHECK_FALSE(world.state().settled());
  world.shut_down();
  CHECK(world.state().settled());  // whoever waits for the start waits no longer
  world.run_for(milliseconds(50));
  CHECK(world.deeds() == lines{"stop b", "stop a", "finish"});
}

TEST_CASE("children start one after the other, the next when the last is up", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::one_for_all);
  for (const std::string id : {"a", "b", "c"}) world.of(id).starts_after = milliseconds(10);
  world.start();
  CHECK_FALSE(world.state().settled());
  world.run_for(milliseconds(5));
  CHECK(world.deeds() == lines{"start a"});
  world.run_for(milliseconds(10));
  CHECK(world.deeds() == lines{"start b"});
  world.run_for(milliseconds(10));
  CHECK(world.deeds() == lines{"start c"});
  CHECK_FALSE(world.state().settled());
  world.run_for(milliseconds(10));
  CHECK(world.state().settled());
}

TEST_CASE("an end that concerns nobody else does not hurry the next start of a group", "[supervisor]") {
  supervised_world world(policy(restart_strategy::rest_for_one),
                         {rules("t", restart_kind::temporary), rules("a"), rules("b"), rules("c")});
  world.start();
  world.of("b").starts_after = milliseconds(20);
  world.crashes("a");
  world.run_for(milliseconds(15));
  world.deeds();
  CHECK(world.state().find("b")->phase == child_phase::starting);
  world.crashes("t");
  CHECK(world.deeds().empty());
  world.run_for(seconds(1));
  CHECK(world.deeds() == lines{"start c"});
}

TEST_CASE("a child that answers a probe while it is asked to stop does not gain time", "[supervisor]") {
  child_policy probed = rules("a");
  probed.probe = probe_policy{milliseconds(10), milliseconds(500)};
  supervisor_state state(policy(restart_strategy::one_for_one), {probed});
  time_point now{};
  const auto timer_in = [](const supervise_actions& actions) {
    for (const auto& action : actions)
      if (const auto* armed = std::get_if<supervise::arm_timer>(&action)) return armed->timer;
    return timer_number{0};
  };
  state.start(now);
  const timer_number probe = timer_in(state.child_started("a", 1, now));
  REQUIRE(std::holds_alternative<supervise::probe>(state.timer_fired(probe, now).at(0)));
  const timer_number patience = timer_in(state.shutdown_requested(now));
  CHECK(state.probe_answered("a", 1, now).empty());
  CHECK(std::holds_alternative<supervise::kill>(state.timer_fired(patience, now).at(1)));
}

TEST_CASE("a hung child counts as crashed even when it ends normally before the kill arrives", "[supervisor]") {
  child_policy probed = rules("a", restart_kind::transient);
  probed.probe = probe_policy{milliseconds(10), milliseconds(20)};
  supervised_world world(policy(restart_strategy::one_for_one), {probed});
  world.start();
  world.of("a").answers_probes = false;
  while (world.count(supervision_event_kind::child_hung) == 0 && world.step()) {
  }
  world.ends("a", true);
  world.of("a").answers_probes = true;
  world.run_for(milliseconds(5));
  CHECK(world.is_up("a"));
}

TEST_CASE("the pause stays at its maximum however many restarts there are", "[supervisor]") {
  supervisor_policy patient = policy(restart_strategy::one_for_one);
  patient.restarts_max = 1000;
  patient.window = std::chrono::hours(1);
  patient.backoff_initial = milliseconds(1);
  patient.backoff_max = milliseconds(20);
  supervised_world world(patient, {rules("a")});
  world.start();
  for (int crash = 0; crash < 300; ++crash) {
    world.crashes("a");
    world.run_for(milliseconds(20));
    REQUIRE(world.is_up("a"));
  }
}

TEST_CASE("escalation says how often, how fast, who was last and why", "[supervisor]") {
  supervisor_policy strict = policy(restart_strategy::one_for_one);
  strict.restarts_max = 2;
  strict.window = seconds(7);
  supervised_world world(strict, {rules("a"), rules("b")});
  world.start();
  for (const std::string id : {"a", "b", "a"}) {
    world.crashes(id);
    world.run_for(milliseconds(1));
  }
  world.run_for(seconds(1));
  REQUIRE(world.failure());
  CHECK(world.failure()->code() == errc::unavailable);
  CHECK(world.failure()->message() ==
        "supervisor 'test' gives up: more than 2 restarts within 7000 ms; last, child 'a': crash");
  const supervision_event& last = world.events().back();
  CHECK(last.kind == supervision_event_kind::stopped);
  CHECK(last.supervisor == "test");
  CHECK(last.time == world.events().back().time);
}

TEST_CASE("events carry the time, the incarnation and the restarts of the window", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::one_for_one);
  const time_point began = world.now();
  world.start();
  world.run_for(milliseconds(20));
  world.crashes("b");
  world.run_for(milliseconds(1));
  const std::vector<supervision_event> tail(world.events().end() - 3, world.events().end());
  const time_point then = began + milliseconds(20);
  CHECK(tail == std::vector<supervision_event>{
                    {supervision_event_kind::child_down, then, "test", "b", 2, 0, "crash"},
                    {supervision_event_kind::restarting, then, "test", "b", 2, 1, "crash"},
                    {supervision_event_kind::child_up, then, "test", "b", 4, 1, ""},
                });
}

TEST_CASE("news of a child's earlier incarnation change nothing", "[supervisor]") {
  supervisor_state state(policy(restart_strategy::one_for_one), {rules("a")});
  const time_point now{};
  state.start(now);
  state.child_started("a", 1, now);
  const auto restarted = state.child_down("a", 1, false, "crash", now);
  const auto timer = std::get<supervise::arm_timer>(restarted.back()).timer;
  CHECK(state.timer_fired(timer, now).size() == 1);
  state.child_started("a", 2, now);
  CHECK(state.child_down("a", 1, false, "late", now).empty());
  CHECK(state.probe_expired("a", 1, now).empty());
  CHECK(state.start_expired("a", 2, now).empty());
  CHECK(state.start_failed("a", 2, "late", now).empty());
  CHECK(state.timer_fired(timer, now).empty());
  CHECK(state.child_down("unknown", 1, false, "", now).empty());
  CHECK(state.find("a")->phase == child_phase::up);
}

TEST_CASE("a child in a group's pause can be terminated and deleted, even the one that crashed", "[supervisor]") {
  for (const auto strategy : {restart_strategy::one_for_all, restart_strategy::rest_for_one}) {
    supervisor_policy slow = policy(strategy);
    slow.backoff_initial = slow.backoff_max = milliseconds(50);
    supervised_world world(slow, {rules("a")});
    world.start();
    world.crashes("a");
    CHECK_FALSE(world.answer(world.terminate("a"))->failure);
    CHECK_FALSE(world.answer(world.remove("a"))->failure);
    world.run_for(seconds(1));
    CHECK(world.state().children().empty());
    const request_number added = world.start_child(rules("a"));
    REQUIRE(world.answer(added));
    CHECK_FALSE(world.answer(added)->failure);
    CHECK(world.violations().empty());
  }
}

TEST_CASE("a child added in the middle of a group's restart takes its turn last", "[supervisor]") {
  supervised_world world = world_of(restart_strategy::one_for_all);
  world.of("c").stops_after = milliseconds(20);
  world.start();
  world.deeds();
  world.crashes("a");
  const request_number added = world.start_child(rules("d"));
  CHECK_FALSE(world.answer(added));
  world.run_for(seconds(1));
  CHECK(world.deeds() == lines{"stop c", "stop b", "start a", "start b", "start c", "start d"});
  REQUIRE(world.answer(added));
  CHECK_FALSE(world.answer(added)->failure);
}

TEST_CASE("a temporary child that ends is forgotten, so that its kind cannot fill the list", "[supervisor]") {
  supervised_world world(policy(restart_strategy::one_for_all), {rules("a")});
  world.start();
  for (std::size_t n = 0; n < 3 * constants::children_max; ++n) {
    const std::string id = "job " + std::to_string(n);
    world.start_child(rules(id, restart_kind::temporary));
    world.ends(id, n % 2 == 0);
  }
  CHECK(world.state().children().size() == 1);
  CHECK(world.unanswered() == 0);
  CHECK(world.violations().empty());
}

}  // namespace
}  // namespace troupe::test
