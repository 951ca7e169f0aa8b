// Hung children (A3 of the fault model): found by a probe through their mailbox, killed or abandoned, and replaced.
#include <atomic>
#include <thread>

#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

constexpr probe_policy every_100_hung_after_300{milliseconds(100), milliseconds(300)};

child_spec probed(child_spec child) {
  child.probe = every_100_hung_after_300;
  return child;
}

TEST_CASE("a child that stops answering is found within the bound, killed and replaced", "[supervisor]") {
  stage test([](const journal& book) {
    return spec_of(restart_strategy::one_for_one, {probed(obedient_child("a", book)), obedient_child("b", book)});
  });
  test.world.advance(seconds(10));
  CHECK(test.book.take() == lines{"a up", "b up"});
  const auto before = test.world.now();
  test.say("a", "mute");  // skips what it does not know, as a hung actor would
  while (!test.events.has("child_hung a") && test.world.now() - before < seconds(1))
    test.world.advance(milliseconds(1));
  CHECK(test.world.now() - before <= every_100_hung_after_300.hung);
  CHECK(test.world.now() - before >= every_100_hung_after_300.hung - every_100_hung_after_300.interval);
  test.world.advance(milliseconds(1));
  CHECK(test.book.take() == lines{"a down", "a up"});
  CHECK(test.events.count("restarting a") == 1);
  test.world.advance(seconds(10));
  CHECK(test.up() == "ab");
}

TEST_CASE("hung children count as crashes: too many end the supervisor", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {probed(obedient_child("a", book))});
    spec.restarts_max = 2;
    return spec;
  });
  for (int times = 0; times < 3; ++times) {
    test.say("a", "mute");
    test.world.advance(milliseconds(400));
  }
  CHECK(test.world.end_of(test.root) ==
        "supervisor 'test' gives up: more than 2 restarts within 30000 ms; last, child 'a': it did not answer a probe");
}

TEST_CASE("a transient child that hangs is restarted, a temporary one is not", "[supervisor]") {
  for (const auto kind : {restart_kind::transient, restart_kind::temporary}) {
    INFO(to_string(kind));
    stage test([&](const journal& book) {
      return spec_of(restart_strategy::one_for_one, {probed(obedient_child("a", book, kind))});
    });
    test.say("a", "mute");
    test.world.advance(seconds(1));
    CHECK(test.book.count("a up") == (kind == restart_kind::transient ? 2u : 1u));
    CHECK(test.book.count("a down") == 1);
  }
}

TEST_CASE("a group is restarted when one of it hangs", "[supervisor]") {
  stage test([](const journal& book) {
    return spec_of(restart_strategy::rest_for_one,
                   {obedient_child("a", book), probed(obedient_child("b", book)), obedient_child("c", book)});
  });
  test.book.take();
  test.say("b", "mute");
  test.world.advance(seconds(1));
  CHECK(test.book.take() == lines{"b down", "c down", "b up", "c up"});
}

TEST_CASE("a child with a long queue is not hung: probes go ahead of it", "[supervisor]") {
  runtime world(false);
  const journal book, events;
  std::atomic<int> handled{0};
  {
    child_spec slow;
    slow.id = "slow";
    slow.probe = probe_policy{milliseconds(20), milliseconds(1000)};
    slow.start = [&](caf::event_based_actor* parent) {
      return parent->spawn<caf::detached>([&](caf::event_based_actor* self) -> caf::behavior {
        quiet(*self);
        return {[&](int) {
          std::this_thread::sleep_for(milliseconds(10));
          ++handled;
        }};
      });
    };
    const caf::actor root =
        need(spawn_supervisor(world.system(), spec_of(restart_strategy::one_for_one, {slow}), observe_into(events)));
    const caf::actor child = need(world.ask<caf::actor>(root, whereis{"slow"}));
    for (int number = 0; number < 250; ++number) caf::anon_send(child, number);  // 2.5 s of work
    CHECK(eventually([&] { return handled == 250; }));
    CHECK_FALSE(events.has("child_hung slow"));
    world.stop(root);
    CHECK(world.end_of(root) == "user_shutdown");
  }
}

TEST_CASE("a child stuck in a handler is found, killed, abandoned and replaced; the rest goes on", "[supervisor]") {
  std::promise<void> release;
  const auto released = release.get_future().share();
  runtime world(false);
  const journal book, events;
  {
    child_spec stuck;
    stuck.id = "stuck";
    stuck.shutdown = stuck.kill_timeout = milliseconds(40);
    stuck.probe = probe_policy{milliseconds(100), milliseconds(600)};
    stuck.start = [=](caf::event_based_actor* parent) {
      return parent->spawn<caf::detached>([=](caf::event_based_actor* self) -> caf::behavior {
        quiet(*self);
        return {[=](const std::string&) { released.wait(); }, [](int number) { return number + 1; }};
      });
    };
    const caf::actor root = need(
        spawn_supervisor(world.system(), spec_of(restart_strategy::one_for_one, {obedient_child("a", book), stuck}),
                         observe_into(events)));
    const caf::actor before = need(world.ask<caf::actor>(root, whereis{"stuck"}));
    caf::anon_send(before, std::string("block"));
    REQUIRE(eventually([&] { return events.count("child_up stuck") == 2; }));
    const lines reported = events.take();
    CHECK(reported == lines{"child_up a", "child_up stuck", "child_hung stuck", "child_killed stuck",
                            "child_abandoned stuck", "restarting stuck", "child_up stuck"});
    const caf::actor after = need(world.ask<caf::actor>(root, whereis{"stuck"}));
    CHECK(after != before);
    CHECK(need(world.ask<int>(after, 1)) == 2);
    CHECK(need(world.ask<tree_snapshot>(root, describe_tree{})).abandoned == 1);
    world.stop(root);
    CHECK(world.end_of(root) == "user_shutdown");
    release.set_value();
  }
}

TEST_CASE("a supervisor can be probed like any child", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec below = spec_of(restart_strategy::one_for_one, {obedient_child("x", book)});
    below.name = "below";
    return spec_of(restart_strategy::one_for_one, {probed(supervised(below))});
  });
  test.world.advance(seconds(5));
  CHECK_FALSE(test.events.has("child_hung below"));
  CHECK(test.book.take() == lines{"x up"});
}

TEST_CASE("a supervisor that never says that its children are up is given up as hung", "[supervisor]") {
  stage test([](const journal& book) {
    child_spec mute = obedient_child("b", book);
    mute.kind = child_kind::supervisor;
    mute.start = [=](caf::event_based_actor* parent) {
      return parent->spawn([=](caf::event_based_actor* self) -> caf::behavior {
        self->set_default_handler(caf::skip);
        book.write("b up");
        return {[](int) {}};
      });
    };
    return spec_of(restart_strategy::rest_for_one, {obedient_child("a", book), mute, obedient_child("c", book)});
  });
  CHECK(test.book.take() == lines{"a up", "b up"});
  const auto refused = test.world.ask<caf::actor>(test.root, whereis{"b"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "child 'b' of supervisor 'test' is starting; ask again later");
  test.world.advance(constants::supervisor_start);
  CHECK(test.events.has("child_hung b"));
  CHECK(test.events.has("restarting b"));
  test.world.stop(test.root);
  test.world.advance(constants::supervisor_start);
  CHECK(test.world.end_of(test.root) == "user_shutdown");
}

}  // namespace
}  // namespace troupe::test
