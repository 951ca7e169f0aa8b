// What one can ask a supervisor: who is where, children at run time, the tree, being told of changes.
#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

start_child start_of(child_spec spec) {
  return {std::make_shared<const child_spec>(std::move(spec))};
}

template <class T>
errc code_of(const result<T>& outcome) {
  return outcome ? errc{} : outcome.error().code();
}

TEST_CASE("whereis finds the running child and, after its end, its successor", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  const caf::actor before = test.child("b");
  CHECK(need(test.world.ask<int>(before, 1)) == 2);
  test.say("b", "throw");
  const caf::actor after = test.child("b");
  CHECK(after != before);
  CHECK(need(test.world.ask<int>(after, 1)) == 2);
}

TEST_CASE("whereis tells a child that is down from one that does not exist", "[supervisor]") {
  stage test(restart_strategy::one_for_one, restart_kind::transient);
  test.say("b", "quit");
  const auto down = test.world.ask<caf::actor>(test.root, whereis{"b"});
  CHECK(code_of(down) == errc::unavailable);
  CHECK(down.error().message() == "child 'b' of supervisor 'test' is down; ask again later");
  const auto unknown = test.world.ask<caf::actor>(test.root, whereis{"z"});
  CHECK(code_of(unknown) == errc::invalid_argument);
  CHECK(unknown.error().message() == "supervisor 'test' has no child 'z'");
}

TEST_CASE("a message right after the spawn sees all children up, also those two levels below", "[supervisor]") {
  runtime world(true);
  const journal book;
  supervisor_spec low = spec_of(restart_strategy::one_for_one, {obedient_child("x", book)});
  low.name = "low";
  supervisor_spec middle = spec_of(restart_strategy::one_for_one, {supervised(low), obedient_child("m", book)});
  middle.name = "middle";
  supervisor_spec top = spec_of(restart_strategy::one_for_one, {supervised(middle), obedient_child("y", book)});
  const caf::actor root = need(spawn_supervisor(world.system(), top));
  need(world.ask<void>(root, await_children{}));
  CHECK(book.take() == lines{"x up", "m up", "y up"});
  const caf::actor found = need(world.ask<caf::actor>(root, whereis{"middle"}));
  need(world.ask<caf::actor>(need(world.ask<caf::actor>(found, whereis{"low"})), whereis{"x"}));
  world.stop(root);
}

TEST_CASE("a child added at run time starts last, stops first and is restarted", "[supervisor]") {
  stage test(restart_strategy::rest_for_one);
  const caf::actor added = need(test.world.ask<caf::actor>(test.root, start_of(obedient_child("d", test.book))));
  CHECK(test.child("d") == added);
  test.book.take();
  test.say("c", "error");
  CHECK(test.book.take() == lines{"c down", "d down", "c up", "d up"});
  test.world.stop(test.root);
  CHECK(test.book.take() == lines{"d down", "c down", "b down", "a down"});
}

TEST_CASE("a second child of the same id is refused and the first is left alone", "[supervisor]") {
  stage test(restart_strategy::one_for_one, restart_kind::transient);
  const caf::actor before = test.child("b");
  test.book.take();
  CHECK(code_of(test.world.ask<caf::actor>(test.root, start_of(obedient_child("b", test.book)))) ==
        errc::invalid_argument);
  CHECK(test.child("b") == before);
  // Also while it is down for good.
  test.say("b", "quit");
  CHECK(code_of(test.world.ask<caf::actor>(test.root, start_of(obedient_child("b", test.book)))) ==
        errc::invalid_argument);
  CHECK(test.book.take() == lines{"b down"});
}

TEST_CASE("an invalid child is refused with its field and value", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  child_spec bad = obedient_child("d", test.book);
  bad.shutdown = milliseconds(-1);
  const auto refused = test.world.ask<caf::actor>(test.root, start_of(bad));
  REQUIRE(code_of(refused) == errc::invalid_argument);
  CHECK(refused.error().to_string() == "child 'd': shutdown is -1 ms; it must be from 0 ms to 86400000 ms");
  CHECK(code_of(test.world.ask<caf::actor>(test.root, start_child{})) == errc::invalid_argument);
  CHECK(test.up() == "abc");
}

TEST_CASE("a child that does not start on request is answered with why, and not kept", "[supervisor]") {
  for (const auto strategy :
       {restart_strategy::one_for_one, restart_strategy::one_for_all, restart_strategy::rest_for_one}) {
    stage test(strategy);
    child_spec broken = obedient_child("d", test.book);
    broken.start = [](caf::event_based_actor*) -> caf::actor { throw std::runtime_error("no memory"); };
    const auto refused = test.world.ask<caf::actor>(test.root, start_of(broken));
    REQUIRE(code_of(refused) == errc::unavailable);
    CHECK(refused.error().message() == "child 'd' of supervisor 'test' does not start: no memory");
    CHECK(test.up() == "abc");
    CHECK(test.events.count("restarting d") == 0);
    need(test.world.ask<caf::actor>(test.root, start_of(obedient_child("d", test.book))));
  }
}

TEST_CASE("a supervisor added at run time is answered when its own children are up", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  supervisor_spec below = spec_of(restart_strategy::one_for_one, {obedient_child("x", test.book)});
  below.name = "below";
  test.book.take();
  const caf::actor added = need(test.world.ask<caf::actor>(test.root, start_of(supervised(below))));
  CHECK(test.book.take() == lines{"x up"});
  CHECK(need(test.world.ask<caf::actor>(added, whereis{"x"})));
}

TEST_CASE("an invalid supervisor below fails to start, with its error", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  supervisor_spec below = spec_of(restart_strategy::one_for_one, {});
  below.name = "below";
  below.window = milliseconds(0);
  const auto refused = test.world.ask<caf::actor>(test.root, start_of(supervised(below)));
  REQUIRE(code_of(refused) == errc::unavailable);
  CHECK(refused.error().message().find("window is 0 ms") != std::string::npos);
}

TEST_CASE("a terminated child stays down, can be started again, deleted and replaced", "[supervisor]") {
  stage test(restart_strategy::one_for_all);
  test.book.take();
  need(test.world.ask<void>(test.root, terminate_child{"b"}));
  CHECK(test.book.take() == lines{"b down"});
  CHECK(test.up() == "ac");
  need(test.world.ask<void>(test.root, terminate_child{"b"}));  // it is down: done
  // A restart of the others leaves it down.
  test.say("a", "error");
  CHECK(test.up() == "ac");
  test.book.take();
  const caf::actor again = need(test.world.ask<caf::actor>(test.root, restart_child{"b"}));
  CHECK(again == test.child("b"));
  CHECK(test.book.take() == lines{"b up"});
  CHECK(code_of(test.world.ask<caf::actor>(test.root, restart_child{"b"})) == errc::invalid_argument);
  CHECK(code_of(test.world.ask<void>(test.root, delete_child{"b"})) == errc::invalid_argument);
  need(test.world.ask<void>(test.root, terminate_child{"b"}));
  need(test.world.ask<void>(test.root, delete_child{"b"}));
  CHECK(code_of(test.world.ask<void>(test.root, delete_child{"b"})) == errc::invalid_argument);
  CHECK(code_of(test.world.ask<caf::actor>(test.root, restart_child{"b"})) == errc::invalid_argument);
  need(test.world.ask<caf::actor>(test.root, start_of(obedient_child("b", test.book))));
  CHECK(test.up() == "abc");
}

TEST_CASE("a temporary child that is terminated leaves the list, its id is free", "[supervisor]") {
  stage test(restart_strategy::one_for_one, restart_kind::temporary);
  need(test.world.ask<void>(test.root, terminate_child{"b"}));
  CHECK(code_of(test.world.ask<caf::actor>(test.root, whereis{"b"})) == errc::invalid_argument);
  need(test.world.ask<caf::actor>(test.root, start_of(obedient_child("b", test.book))));
}

TEST_CASE("a terminated child that ignores the request is killed, then the answer comes", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.say("b", "ignore_stop");
  auto answer = test.world.begin_ask<void>(test.root, terminate_child{"b"});
  test.world.advance(constants::child_shutdown - milliseconds(1));
  CHECK(code_of(test.world.finish_ask(answer)) == errc::deadline_exceeded);
  // A second request for the same child does not queue up.
  CHECK(code_of(test.world.ask<void>(test.root, terminate_child{"b"})) == errc::unavailable);
  test.world.advance(milliseconds(1));
  need(test.world.finish_ask(answer));
  CHECK(test.up() == "ac");
}

TEST_CASE("a child that waits for its restart can be terminated", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {obedient_child("a", book)});
    spec.backoff_initial = spec.backoff_max = milliseconds(100);
    return spec;
  });
  test.say("a", "error");
  need(test.world.ask<void>(test.root, terminate_child{"a"}));
  test.world.advance(seconds(10));
  CHECK(test.book.take() == lines{"a up", "a down"});
}

TEST_CASE("requests that wait are answered when the supervisor stops", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_all, {obedient_child("a", book), obedient_child("b", book)});
    spec.backoff_initial = spec.backoff_max = seconds(1);
    return spec;
  });
  test.say("a", "error");
  // In the pause of the group it waits for its turn.
  auto started = test.world.begin_ask<caf::actor>(test.root, start_of(obedient_child("d", test.book)));
  test.world.run();
  CHECK(code_of(test.world.finish_ask(started)) == errc::deadline_exceeded);
  auto again = test.world.begin_ask<caf::actor>(test.root, start_of(obedient_child("e", test.book)));
  test.world.run();
  test.world.stop(test.root);
  CHECK(code_of(test.world.finish_ask(again)) == errc::unavailable);
}

TEST_CASE("requests that wait are answered even when the supervisor is killed", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.say("b", "ignore_stop");
  auto answer = test.world.begin_ask<void>(test.root, terminate_child{"b"});
  test.world.run();
  caf::anon_send_exit(test.root, caf::exit_reason::kill);
  test.world.run();
  const auto outcome = test.world.finish_ask(answer);
  REQUIRE(code_of(outcome) == errc::unavailable);
  CHECK(outcome.error().message() == "the actor ended before it answered; repeat the request");
}

TEST_CASE("a supervisor has a limit of children", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  for (std::size_t n = 3; n < constants::children_max; ++n)
    need(test.world.ask<caf::actor>(test.root, start_of(obedient_child("n" + std::to_string(n), test.book))));
  CHECK(code_of(test.world.ask<caf::actor>(test.root, start_of(obedient_child("one more", test.book)))) ==
        errc::unavailable);
}

// ---- the tree ----

supervisor_spec two_levels(const journal& book) {
  supervisor_spec low = spec_of(restart_strategy::one_for_one,
                                {obedient_child("x", book), obedient_child("z", book, restart_kind::transient)});
  low.name = "low";
  return spec_of(restart_strategy::one_for_one, {obedient_child("a", book), supervised(low)});
}

TEST_CASE("a snapshot shows every child of every level with its state and history", "[supervisor]") {
  stage test([](const journal& book) { return two_levels(book); });
  const caf::actor low = test.child("low");
  caf::anon_send(need(test.world.ask<caf::actor>(low, whereis{"x"})), std::string("throw"));
  caf::anon_send(need(test.world.ask<caf::actor>(low, whereis{"z"})), std::string("quit"));
  test.world.run();
  const tree_snapshot tree = need(test.world.ask<tree_snapshot>(test.root, describe_tree{}));
  const tree_snapshot expected{
      "test",
      child_kind::supervisor,
      "running",
      0,
      0,
      0,
      {{"a", child_kind::worker, "up", 0, 1, 0, {}},
       {"low",
        child_kind::supervisor,
        "up",
        0,
        2,
        0,
        {{"x", child_kind::worker, "up", 1, 3, 0, {}}, {"z", child_kind::worker, "down", 0, 2, 0, {}}}}}};
  CHECK(tree == expected);
}

TEST_CASE("a snapshot goes as deep as it is asked to", "[supervisor]") {
  stage test([](const journal& book) { return two_levels(book); });
  const tree_snapshot tree = need(test.world.ask<tree_snapshot>(test.root, describe_tree{1000, 0}));
  REQUIRE(tree.children.size() == 2);
  CHECK(tree.children[1].state == "up");
  CHECK(tree.children[1].children.empty());
}

TEST_CASE("a supervisor that does not answer in time is shown as not answering", "[supervisor]") {
  stage test([](const journal& book) {
    child_spec mute = obedient_child("mute", book);
    mute.kind = child_kind::supervisor;  // it is none, and answers nothing once it is told so
    return spec_of(restart_strategy::one_for_one, {obedient_child("a", book), mute});
  });
  caf::anon_send(test.child("mute"), std::string("mute"));
  auto answer = test.world.begin_ask<tree_snapshot>(test.root, describe_tree{400, 16});
  test.world.advance(milliseconds(299));
  CHECK(code_of(test.world.finish_ask(answer)) == errc::deadline_exceeded);
  test.world.advance(milliseconds(1));  // well before the 400 ms are over
  const tree_snapshot tree = need(test.world.finish_ask(answer));
  CHECK(tree.children[0].state == "up");
  CHECK(tree.children[1].state == "not answering");
}

TEST_CASE("more snapshots at the same time than the limit are refused", "[supervisor]") {
  stage test([](const journal& book) {
    child_spec mute = obedient_child("mute", book);
    mute.kind = child_kind::supervisor;
    return spec_of(restart_strategy::one_for_one, {mute});
  });
  caf::anon_send(test.child("mute"), std::string("mute"));
  std::vector<std::future<result<tree_snapshot>>> answers;
  for (std::size_t n = 0; n < constants::tree_requests_max; ++n)
    answers.push_back(test.world.begin_ask<tree_snapshot>(test.root, describe_tree{}));
  test.world.run();
  CHECK(code_of(test.world.ask<tree_snapshot>(test.root, describe_tree{})) == errc::unavailable);
  // When the supervisor ends, what it has so far is the answer.
  test.world.stop(test.root);
  for (auto& answer : answers) CHECK(need(test.world.finish_ask(answer)).children.size() == 1);
}

TEST_CASE("a snapshot says that a tree is stopping", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.say("c", "ignore_stop");
  test.world.stop(test.root);
  const tree_snapshot tree = need(test.world.ask<tree_snapshot>(test.root, describe_tree{}));
  CHECK(tree.state == "stopping");
  CHECK(tree.children[2].state == "stopping");
}

// ---- watching ----

caf::actor spawn_watcher(runtime& world, const journal& notes) {
  return world.system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
    quiet(*self);
    return {[=](const child_up& up) {
              notes.write("up " + up.id + " " + std::to_string(up.incarnation) + (up.actor ? "" : " nobody"));
            },
            [=](const child_down& down) {
              notes.write("down " + down.id + " " + std::to_string(down.incarnation) + " " + down.reason);
            },
            [=](const supervisor_escalated& escalated) { notes.write("escalated " + escalated.supervisor); }};
  });
}

TEST_CASE("a watcher is told who is up, then of every change", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_one, {obedient_child("a", book), obedient_child("b", book)});
    spec.restarts_max = 1;
    return spec;
  });
  const journal notes;
  const caf::actor watcher = spawn_watcher(test.world, notes);
  need(test.world.ask<void>(test.root, watch_children{watcher}));
  need(test.world.ask<void>(test.root, watch_children{watcher}));  // once is enough
  CHECK(notes.take() == lines{"up a 1", "up b 2"});
  test.say("b", "error");
  CHECK(notes.take() == lines{"down b 2 the device is gone", "up b 3"});
  test.say("a", "error");
  CHECK(notes.take() == lines{"down a 1 the device is gone", "escalated test", "down b 3 user_shutdown"});
}

TEST_CASE("a watcher that ends or withdraws is told nothing more and kept by nobody", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  const journal notes;
  {
    const caf::actor watcher = spawn_watcher(test.world, notes);
    const caf::actor other = spawn_watcher(test.world, notes);
    need(test.world.ask<void>(test.root, watch_children{watcher}));
    need(test.world.ask<void>(test.root, unwatch_children{watcher}));
    need(test.world.ask<void>(test.root, watch_children{other}));
    notes.take();
    test.world.stop(other);
  }
  test.say("b", "error");
  CHECK(notes.take().empty());
  CHECK(test.up() == "abc");
}

TEST_CASE("watchers have a limit, and one that ended makes room", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  const journal notes;
  std::vector<caf::actor> watchers;
  for (std::size_t n = 0; n < constants::watchers_max; ++n) {
    watchers.push_back(spawn_watcher(test.world, notes));
    need(test.world.ask<void>(test.root, watch_children{watchers.back()}));
  }
  const caf::actor late = spawn_watcher(test.world, notes);
  CHECK(code_of(test.world.ask<void>(test.root, watch_children{late})) == errc::unavailable);
  test.world.stop(watchers.front());
  need(test.world.ask<void>(test.root, watch_children{late}));
  CHECK(code_of(test.world.ask<void>(test.root, watch_children{})) == errc::invalid_argument);
}

TEST_CASE("an observer that throws disturbs nothing", "[supervisor]") {
  runtime world(true);
  const journal book;
  const caf::actor root =
      need(spawn_supervisor(world.system(), spec_of(restart_strategy::one_for_one, {obedient_child("a", book)}),
                            [](const supervision_event&) { throw std::runtime_error("a host's bug"); }));
  caf::anon_send(need(world.ask<caf::actor>(root, whereis{"a"})), std::string("throw"));
  world.run();
  CHECK(book.take() == lines{"a up", "a down", "a up"});
  world.stop(root);
  CHECK(world.end_of(root) == "user_shutdown");
}

TEST_CASE("unknown messages and stray errors do not hurt a supervisor", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  caf::anon_send(test.root, std::string("hello"), 42);
  caf::anon_send(test.root, caf::error(caf::sec::runtime_error));
  caf::anon_send(test.root, supervisor_timer{7});
  caf::anon_send(test.root, caf::down_msg{nullptr, caf::sec::runtime_error});
  test.world.run();
  CHECK(code_of(test.world.ask<int>(test.root, 42)) == errc::internal);
  CHECK(test.up() == "abc");
}

}  // namespace
}  // namespace troupe::test
