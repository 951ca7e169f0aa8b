// How supervisors end: order, patience, kill and abandonment, and what the end of one does to those above and below it.
#include <thread>

#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

const std::vector<restart_strategy> strategies{restart_strategy::one_for_one, restart_strategy::one_for_all,
                                               restart_strategy::rest_for_one};

TEST_CASE("children start in order and stop in reverse order", "[supervisor]") {
  for (const auto strategy : strategies) {
    INFO(to_string(strategy));
    stage test(strategy);
    CHECK(test.book.take() == lines{"a up", "b up", "c up"});
    test.world.stop(test.root);
    CHECK(test.book.take() == lines{"c down", "b down", "a down"});
    CHECK(test.world.end_of(test.root) == "user_shutdown");
    CHECK(test.events.take().back() == "stopped");
  }
}

TEST_CASE("a supervisor ends with the reason that it was sent", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  caf::anon_send(test.root, caf::exit_msg{nullptr, to_caf(error(errc::cancelled, "the node leaves"))});
  test.world.run();
  CHECK(test.world.end_of(test.root) == "the node leaves");
  CHECK(test.book.take().back() == "a down");
}

TEST_CASE("an exit message with a normal reason is ignored, as CAF's links have it", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  caf::anon_send_exit(test.root, caf::exit_reason::normal);
  test.world.run();
  CHECK(test.up() == "abc");
}

TEST_CASE("a child that does not stop in time is killed, one after the other", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.say("b", "ignore_stop");
  test.say("c", "ignore_stop");
  test.book.take();
  test.world.stop(test.root);
  test.world.advance(constants::child_shutdown - milliseconds(1));
  CHECK(test.book.take().empty());
  test.world.advance(milliseconds(1));
  CHECK(test.book.take() == lines{"c down"});
  test.world.advance(constants::child_shutdown);
  CHECK(test.book.take() == lines{"b down", "a down"});
  CHECK(test.events.count("child_killed c") == 1);
  CHECK(test.events.count("child_killed a") == 0);
  CHECK(test.world.end_of(test.root) != "alive");
}

TEST_CASE("a child with no time to stop is killed at once, without being asked", "[supervisor]") {
  stage test([](const journal& book) {
    child_spec brutal = obedient_child("a", book);
    brutal.shutdown = milliseconds(0);
    return spec_of(restart_strategy::one_for_one, {brutal});
  });
  test.say("a", "ignore_stop");
  test.book.take();
  test.world.stop(test.root);
  CHECK(test.book.take() == lines{"a down"});
  CHECK(test.events.has("child_killed a"));
}

TEST_CASE("a child may finish what is in its mailbox before it stops, but not before a kill", "[supervisor]") {
  for (const bool brutal : {false, true}) {
    stage test([&](const journal& book) {
      child_spec child = obedient_child("a", book);
      if (brutal) child.shutdown = milliseconds(0);
      return spec_of(restart_strategy::one_for_one, {child});
    });
    const caf::actor child = test.child("a");
    test.book.take();
    // The supervisor runs first, so that its messages to the child come while the numbers still wait.
    for (int number = 0; number < 3; ++number) caf::anon_send(child, number);
    auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(test.world.system().scheduler());
    caf::anon_send_exit(test.root, caf::exit_reason::user_shutdown);
    REQUIRE(scheduler.prioritize(test.root));
    test.world.run();
    const lines written = test.book.take();
    if (brutal)
      CHECK(written == lines{"a down"});
    else
      CHECK(written == lines{"a got 0", "a got 1", "a got 2", "a down"});
  }
}

TEST_CASE("a stop request is heard between failing restarts", "[supervisor]") {
  for (const auto strategy : strategies) {
    INFO(to_string(strategy));
    auto refuse = std::make_shared<bool>(false);
    stage test([&](const journal& book) {
      child_spec child = obedient_child("b", book);
      child.start = [=](caf::event_based_actor* parent) -> caf::actor {
        if (!*refuse) return spawn_state<obedient>(*parent, std::string("b"), book);
        book.write("b refused");
        return nullptr;
      };
      supervisor_spec spec = spec_of(strategy, {obedient_child("a", book), child, obedient_child("c", book)});
      spec.restarts_max = 1000;
      spec.backoff_initial = spec.backoff_max = milliseconds(10);
      return spec;
    });
    *refuse = true;
    test.say("b", "error");
    test.world.advance(milliseconds(55));
    CHECK(test.book.count("b refused") == 5);
    test.world.stop(test.root);
    CHECK(test.world.end_of(test.root) == "user_shutdown");
    test.world.advance(seconds(1));
    CHECK(test.book.count("b refused") == 5);
    CHECK(test.book.count("a up") == test.book.count("a down"));
    CHECK(test.book.count("c up") == test.book.count("c down"));
  }
}

TEST_CASE("a stop request without pauses between failing restarts is heard too", "[supervisor]") {
  // The stop is sent from within a start: were restarts a loop, it would go on to the limit.
  auto self = std::make_shared<caf::actor_addr>();
  auto attempts = std::make_shared<int>(0);
  stage test([&](const journal& book) {
    child_spec child = obedient_child("a", book);
    child.start = [=](caf::event_based_actor* parent) -> caf::actor {
      if (++*attempts == 1) return spawn_state<obedient>(*parent, std::string("a"), book);
      if (*attempts == 10) caf::anon_send_exit(*self, caf::exit_reason::user_shutdown);
      return nullptr;
    };
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {child});
    spec.restarts_max = 1000;
    return spec;
  });
  *self = test.root.address();
  test.say("a", "error");
  CHECK(*attempts == 10);
  CHECK(test.world.end_of(test.root) == "user_shutdown");
}

TEST_CASE("a stop request in the middle of a group's restart stops those that are up", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::rest_for_one,
                                   {obedient_child("a", book), obedient_child("b", book), obedient_child("c", book)});
    spec.backoff_initial = spec.backoff_max = milliseconds(100);
    return spec;
  });
  test.say("b", "error");
  test.world.advance(milliseconds(50));
  CHECK(test.up() == "a");
  test.book.take();
  test.world.stop(test.root);
  CHECK(test.book.take() == lines{"a down"});
  test.world.advance(seconds(1));
  CHECK(test.book.take().empty());
  CHECK(test.world.end_of(test.root) != "alive");
}

TEST_CASE("a child that ends during the shutdown is not restarted", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.say("c", "ignore_stop");
  const caf::actor first = test.child("a");
  test.world.stop(test.root);
  caf::anon_send(first, std::string("error"));
  test.world.advance(milliseconds(10));
  CHECK(test.book.count("a down") == 1);
  test.world.advance(seconds(5));
  CHECK(test.book.count("a up") == 1);
  CHECK(test.world.end_of(test.root) != "alive");
}

// ---- ends of supervisors ----

// "top" over "middle" over "low" over child x; y is a sibling of middle, after it. Each grants one restart.
supervisor_spec three_levels(const journal& book, const journal& events) {
  supervisor_spec low = spec_of(restart_strategy::one_for_one, {obedient_child("x", book)});
  low.name = "low";
  low.restarts_max = 1;
  supervisor_spec middle =
      spec_of(restart_strategy::one_for_one, {supervised(low, observe_into(events)), obedient_child("m", book)});
  middle.name = "middle";
  middle.restarts_max = 1;
  supervisor_spec top =
      spec_of(restart_strategy::rest_for_one, {supervised(middle, observe_into(events)), obedient_child("y", book)});
  top.name = "top";
  top.restarts_max = 1;
  return top;
}

TEST_CASE("excess crashes escalate through two and three levels", "[supervisor]") {
  journal lower;
  stage test([&](const journal& book) { return three_levels(book, lower); });
  const auto crash = [&] {
    const caf::actor middle = test.child("middle");
    REQUIRE(middle);
    const auto low = test.world.ask<caf::actor>(middle, whereis{"low"});
    REQUIRE(low);
    const auto x = test.world.ask<caf::actor>(*low, whereis{"x"});
    REQUIRE(x);
    caf::anon_send(*x, std::string("throw"));
    test.world.advance(milliseconds(1));
  };
  CHECK(test.book.take() == lines{"x up", "m up", "y up"});
  crash();  // low restarts x
  CHECK(test.book.take() == lines{"x down", "x up"});
  crash();  // low gives up, middle restarts it
  CHECK(test.book.take() == lines{"x down", "x up"});
  CHECK(lower.count("escalated x") == 1);
  CHECK(lower.count("restarting low") == 1);
  crash();
  CHECK(test.book.take() == lines{"x down", "x up"});
  crash();  // low gives up, so does middle, top restarts it and what comes after it
  CHECK(test.book.take() == lines{"x down", "m down", "y down", "x up", "m up", "y up"});
  CHECK(lower.count("escalated low") == 1);
  CHECK(test.events.count("restarting middle") == 1);
  CHECK(test.world.end_of(test.root) == "alive");
  // (1 + 1) crashes per life of low, two lives of low per life of middle: the eighth ends them all.
  for (int more = 0; more < 4; ++more) crash();
  const auto reason = test.world.end_of(test.root);
  CHECK(reason.find("supervisor 'top' gives up") == 0);
  CHECK(reason.find("supervisor 'middle' gives up") != std::string::npos);
  CHECK(reason.find("supervisor 'low' gives up") != std::string::npos);
  CHECK(reason.find("a bug") != std::string::npos);
  CHECK(test.book.take() == lines{"x down", "x up", "x down", "x up", "x down", "x up", "x down", "m down", "y down"});
}

TEST_CASE("a tree stops in reverse order through all levels", "[supervisor]") {
  journal lower;
  stage test([&](const journal& book) { return three_levels(book, lower); });
  test.book.take();
  test.world.stop(test.root);
  CHECK(test.book.take() == lines{"y down", "m down", "x down"});
  CHECK(test.world.end_of(test.root) == "user_shutdown");
}

TEST_CASE("a supervisor that crashes takes all its descendants along and is restarted with them", "[supervisor]") {
  journal lower;
  stage test([&](const journal& book) { return three_levels(book, lower); });
  const caf::actor middle = test.child("middle");
  test.book.take();
  caf::anon_send_exit(middle, caf::exit_reason::kill);
  test.world.advance(milliseconds(1));
  lines written = test.book.take();
  REQUIRE(written.size() == 6);
  CHECK(lines(written.begin() + 3, written.end()) == lines{"x up", "m up", "y up"});
  std::sort(written.begin(), written.begin() + 3);
  CHECK(lines(written.begin(), written.begin() + 3) == lines{"m down", "x down", "y down"});
}

TEST_CASE("when the root is killed nobody is left", "[supervisor]") {
  journal lower;
  stage test([&](const journal& book) { return three_levels(book, lower); });
  caf::anon_send_exit(test.root, caf::exit_reason::kill);
  test.world.run();
  for (const std::string id : {"x down", "m down", "y down"}) CHECK(test.book.count(id) == 1);
  CHECK(test.world.system().registry().running() == 0);
}

TEST_CASE("when nobody holds an idle root, its tree ends", "[supervisor]") {
  stage test(restart_strategy::one_for_one);
  test.book.take();
  test.root = nullptr;
  test.world.run();
  lines written = test.book.take();
  std::sort(written.begin(), written.end());
  CHECK(written == lines{"a down", "b down", "c down"});
}

TEST_CASE("the end of the actor above, whatever the reason, stops a supervisor in order", "[supervisor]") {
  for (const std::string end : {"quit", "error", "kill", "throw"}) {
    INFO(end);
    runtime world(true);
    const journal book;
    const caf::actor above = world.system().spawn([=](caf::event_based_actor* self) -> caf::behavior {
      quiet(*self);
      // The only handle is in the behaviour: it is gone before the supervisor can hear of the end.
      const caf::actor below = need(spawn_supervisor(
          *self, spec_of(restart_strategy::one_for_one, {obedient_child("a", book), obedient_child("b", book)})));
      return {[self, below](const std::string& word) {
        if (word == "quit") self->quit();
        if (word == "error") self->quit(caf::sec::runtime_error);
        if (word == "kill") self->send_exit(self, caf::exit_reason::kill);
        if (word == "throw") throw std::runtime_error("a bug");
      }};
    });
    world.run();
    CHECK(book.take() == lines{"a up", "b up"});
    caf::anon_send(above, end);
    world.run();
    lines written = book.take();
    CHECK(written == lines{"b down", "a down"});
    CHECK(world.system().registry().running() == 0);
  }
}

// ---- threads that do not return: real time ----

// A detached child; "block" keeps its thread until `release`.
child_spec blocking_child(const std::string& id, const journal& book, std::shared_future<void> release) {
  child_spec made;
  made.id = id;
  made.shutdown = milliseconds(40);
  made.kill_timeout = milliseconds(40);
  made.start = [=](caf::event_based_actor* parent) {
    return parent->spawn<caf::detached>([=](caf::event_based_actor* self) -> caf::behavior {
      quiet(*self);
      book.write(id + " up");
      return {[=](const std::string& word) {
                book.write(id + " " + word);
                if (word == "block") release.wait();
              },
              [](int number) { return number + 1; }};
    });
  };
  return made;
}

TEST_CASE("a detached child stuck in a handler is asked, killed, abandoned, and the tree still stops in time",
          "[supervisor]") {
  std::promise<void> release;
  runtime world(false);
  const journal book, events;
  {
    const auto stuck = release.get_future().share();
    const caf::actor root = need(spawn_supervisor(
        world.system(),
        spec_of(restart_strategy::one_for_one, {obedient_child("a", book), blocking_child("b", book, stuck)}),
        observe_into(events)));
    const caf::actor child = need(world.ask<caf::actor>(root, whereis{"b"}));
    caf::anon_send(child, std::string("block"));
    REQUIRE(eventually([&] { return book.has("b block"); }));
    const auto began = std::chrono::steady_clock::now();
    world.stop(root);
    CHECK(world.end_of(root) == "user_shutdown");
    const auto took = std::chrono::steady_clock::now() - began;
    CHECK(took >= milliseconds(80));
    CHECK(took < seconds(5));
    const lines reported = events.take();
    const lines last(reported.end() - 4, reported.end());
    CHECK(last == lines{"child_killed b", "child_abandoned b", "child_down a", "stopped"});
  }
  release.set_value();  // or the actor system would wait for the thread for ever
}

TEST_CASE("a child that is abandoned while it is terminated can be started again at once", "[supervisor]") {
  std::promise<void> release;
  runtime world(false);
  const journal book, events;
  {
    const auto stuck = release.get_future().share();
    const caf::actor root = need(
        spawn_supervisor(world.system(), spec_of(restart_strategy::one_for_one, {blocking_child("b", book, stuck)}),
                         observe_into(events)));
    const caf::actor before = need(world.ask<caf::actor>(root, whereis{"b"}));
    caf::anon_send(before, std::string("block"));
    REQUIRE(eventually([&] { return book.has("b block"); }));
    need(world.ask<void>(root, terminate_child{"b"}));
    CHECK(events.has("child_abandoned b"));
    const caf::actor after = need(world.ask<caf::actor>(root, restart_child{"b"}));
    CHECK(after != before);
    CHECK(need(world.ask<int>(after, 1)) == 2);
    const tree_snapshot tree = need(world.ask<tree_snapshot>(root, describe_tree{}));
    CHECK(tree.abandoned == 1);
    // The thread comes back at last: its actor ends, and the successor does not notice.
    release.set_value();
    CHECK(world.end_of(before) != "alive");
    CHECK(need(world.ask<caf::actor>(root, whereis{"b"})) == after);
    world.stop(root);
    CHECK(world.end_of(root) != "alive");
  }
}

}  // namespace
}  // namespace troupe::test
