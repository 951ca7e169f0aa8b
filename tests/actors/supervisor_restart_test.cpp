// Who is restarted: every strategy, restart kind and way to end, with real actors in virtual time.
#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

using lines = std::vector<std::string>;

lines all_ends() {
  lines ends = normal_ends;
  ends.insert(ends.end(), abnormal_ends.begin(), abnormal_ends.end());
  return ends;
}

// Child b of a, b, c ends as the word says. What is written from then on, and who is up in the end.
void check_end(restart_strategy strategy, restart_kind kind, const std::string& end, const lines& written,
               const std::string& up) {
  INFO(to_string(strategy) << ", " << to_string(kind) << ", " << end);
  stage test(strategy, kind);
  CHECK(test.book.take() == lines{"a up", "b up", "c up"});
  const caf::actor before = test.child("b");
  test.say("b", end);
  test.world.advance(seconds(1));
  CHECK(test.book.take() == written);
  CHECK(test.up() == up);
  if (test.is_up("b")) CHECK(test.child("b") != before);
}

void check_ends(restart_strategy strategy, restart_kind kind, const lines& ends, const lines& written,
                const std::string& up = "abc") {
  for (const std::string& end : ends) check_end(strategy, kind, end, written, up);
}

const lines only_b{"b down", "b up"};
const lines everybody{"b down", "c down", "a down", "a up", "b up", "c up"};
const lines b_and_later{"b down", "c down", "b up", "c up"};
const lines nobody{"b down"};

TEST_CASE("one_for_one: a permanent child is restarted alone, whatever its end", "[supervisor]") {
  check_ends(restart_strategy::one_for_one, restart_kind::permanent, all_ends(), only_b);
}
TEST_CASE("one_for_one: a transient child that ends normally is not restarted", "[supervisor]") {
  check_ends(restart_strategy::one_for_one, restart_kind::transient, normal_ends, nobody, "ac");
}
TEST_CASE("one_for_one: a transient child that ends abnormally is restarted alone", "[supervisor]") {
  check_ends(restart_strategy::one_for_one, restart_kind::transient, abnormal_ends, only_b);
}
TEST_CASE("one_for_one: a temporary child is not restarted, whatever its end", "[supervisor]") {
  check_ends(restart_strategy::one_for_one, restart_kind::temporary, all_ends(), nobody, "ac");
}
TEST_CASE("one_for_all: when a permanent child ends, all stop in reverse and start in order", "[supervisor]") {
  check_ends(restart_strategy::one_for_all, restart_kind::permanent, all_ends(), everybody);
}
TEST_CASE("one_for_all: a transient child that ends normally disturbs nobody", "[supervisor]") {
  check_ends(restart_strategy::one_for_all, restart_kind::transient, normal_ends, nobody, "ac");
}
TEST_CASE("one_for_all: when a transient child ends abnormally, all are restarted", "[supervisor]") {
  check_ends(restart_strategy::one_for_all, restart_kind::transient, abnormal_ends, everybody);
}
TEST_CASE("one_for_all: a temporary child that ends disturbs nobody", "[supervisor]") {
  check_ends(restart_strategy::one_for_all, restart_kind::temporary, all_ends(), nobody, "ac");
}
TEST_CASE("rest_for_one: when a permanent child ends, it and those after it are restarted", "[supervisor]") {
  check_ends(restart_strategy::rest_for_one, restart_kind::permanent, all_ends(), b_and_later);
}
TEST_CASE("rest_for_one: a transient child that ends normally disturbs nobody", "[supervisor]") {
  check_ends(restart_strategy::rest_for_one, restart_kind::transient, normal_ends, nobody, "ac");
}
TEST_CASE("rest_for_one: when a transient child ends abnormally, it and those after it are restarted", "[supervisor]") {
  check_ends(restart_strategy::rest_for_one, restart_kind::transient, abnormal_ends, b_and_later);
}
TEST_CASE("rest_for_one: a temporary child that ends disturbs nobody", "[supervisor]") {
  check_ends(restart_strategy::rest_for_one, restart_kind::temporary, all_ends(), nobody, "ac");
}

TEST_CASE("one_for_all: a temporary child that is stopped for a sibling is not started again", "[supervisor]") {
  stage test(restart_strategy::one_for_all, restart_kind::temporary);
  test.book.take();
  test.say("a", "error");
  CHECK(test.book.take() == lines{"a down", "c down", "b down", "a up", "c up"});
  CHECK(test.up() == "ac");
}

TEST_CASE("one_for_all: a transient child that is stopped for a sibling is started again", "[supervisor]") {
  stage test(restart_strategy::one_for_all, restart_kind::transient);
  test.book.take();
  test.say("c", "error");
  CHECK(test.book.take() == lines{"c down", "b down", "a down", "a up", "b up", "c up"});
}

TEST_CASE("rest_for_one: the first child takes all along, the last only itself", "[supervisor]") {
  stage test(restart_strategy::rest_for_one);
  test.book.take();
  test.say("a", "throw");
  CHECK(test.book.take() == lines{"a down", "c down", "b down", "a up", "b up", "c up"});
  test.say("c", "throw");
  CHECK(test.book.take() == lines{"c down", "c up"});
}

// ---- starts that fail ----

// A child whose starts number `first` to `last` fail: by throwing, or by returning nothing.
child_spec reluctant_child(const std::string& id, const journal& book, int first, int last, bool throws,
                           restart_kind kind = restart_kind::permanent) {
  child_spec made = obedient_child(id, book, kind);
  made.start = [=, tried = std::make_shared<int>(0)](caf::event_based_actor* parent) -> caf::actor {
    const int attempt = ++*tried;
    if (attempt < first || attempt > last) return spawn_state<obedient>(*parent, id, book);
    book.write(id + " refused");
    if (throws) throw std::runtime_error("no device");
    return nullptr;
  };
  return made;
}

// Child b crashes, and then refuses to start twice. What the supervisor reports.
void check_failed_restart(restart_strategy strategy, const lines& reported) {
  for (const bool throws : {true, false}) {
    INFO(to_string(strategy) << ", " << (throws ? "throws" : "returns nothing"));
    stage test([&](const journal& book) {
      return spec_of(strategy,
                     {obedient_child("a", book), reluctant_child("b", book, 2, 3, throws), obedient_child("c", book)});
    });
    test.events.take();
    test.say("b", "error");
    test.world.advance(seconds(1));
    CHECK(test.events.take() == reported);
    CHECK(test.up() == "abc");
    CHECK(test.book.count("b refused") == 2);
  }
}

TEST_CASE("one_for_one: a restart that fails is tried again", "[supervisor]") {
  check_failed_restart(restart_strategy::one_for_one, {"child_down b", "restarting b", "start_failed b", "restarting b",
                                                       "start_failed b", "restarting b", "child_up b"});
}
TEST_CASE("one_for_all: a restart that fails stops those already started and is tried again", "[supervisor]") {
  check_failed_restart(restart_strategy::one_for_all,
                       {"child_down b", "restarting b", "child_down c", "child_down a",  //
                        "child_up a", "start_failed b", "restarting b", "child_down a",  //
                        "child_up a", "start_failed b", "restarting b", "child_down a",  //
                        "child_up a", "child_up b", "child_up c"});
}
TEST_CASE("rest_for_one: a restart that fails is tried again before those after it", "[supervisor]") {
  check_failed_restart(restart_strategy::rest_for_one,
                       {"child_down b", "restarting b", "child_down c", "start_failed b", "restarting b",
                        "start_failed b", "restarting b", "child_up b", "child_up c"});
}

TEST_CASE("a first start that fails counts as a crash and is tried again", "[supervisor]") {
  for (const auto strategy :
       {restart_strategy::one_for_one, restart_strategy::one_for_all, restart_strategy::rest_for_one})
    for (const bool throws : {true, false}) {
      INFO(to_string(strategy) << ", " << (throws ? "throws" : "returns nothing"));
      stage test([&](const journal& book) {
        return spec_of(
            strategy, {obedient_child("a", book), reluctant_child("b", book, 1, 2, throws), obedient_child("c", book)});
      });
      test.world.advance(seconds(1));
      CHECK(test.up() == "abc");
      CHECK(test.events.count("restarting b") == 2);
      CHECK(test.book.count("b refused") == 2);
    }
}

TEST_CASE("a temporary child that does not start is given up, its siblings start", "[supervisor]") {
  for (const auto strategy :
       {restart_strategy::one_for_one, restart_strategy::one_for_all, restart_strategy::rest_for_one}) {
    INFO(to_string(strategy));
    stage test([&](const journal& book) {
      return spec_of(strategy,
                     {obedient_child("a", book), reluctant_child("b", book, 1, 99, true, restart_kind::temporary),
                      obedient_child("c", book)});
    });
    test.world.advance(seconds(1));
    CHECK(test.up() == "ac");
    CHECK(test.book.count("b refused") == 1);
    CHECK(test.events.count("restarting b") == 0);
  }
}

TEST_CASE("a start function that returns its supervisor or a sibling is a failed start", "[supervisor]") {
  auto sibling = std::make_shared<caf::actor_addr>();
  stage test([&](const journal& book) {
    child_spec first = obedient_child("a", book);
    first.start = [=](caf::event_based_actor* parent) {
      const caf::actor made = spawn_state<obedient>(*parent, std::string("a"), book);
      *sibling = made.address();
      return made;
    };
    child_spec same = obedient_child("b", book, restart_kind::temporary);
    same.start = [=](caf::event_based_actor*) { return caf::actor_cast<caf::actor>(*sibling); };
    child_spec self = obedient_child("c", book, restart_kind::temporary);
    self.start = [](caf::event_based_actor* parent) { return caf::actor(parent); };
    return spec_of(restart_strategy::one_for_one, {first, same, self});
  });
  CHECK(test.up() == "a");
  CHECK(test.events.has("start_failed b"));
  CHECK(test.events.has("start_failed c"));
}

TEST_CASE("a start function that links its child does not make the child's end the supervisor's", "[supervisor]") {
  stage test([&](const journal& book) {
    child_spec linked = obedient_child("a", book);
    linked.start = [=](caf::event_based_actor* parent) {
      return spawn_state<obedient, caf::linked>(*parent, std::string("a"), book);
    };
    return spec_of(restart_strategy::one_for_one, {linked});
  });
  for (int times = 0; times < 3; ++times) test.say("a", "error");
  CHECK(test.up() == "a");
  CHECK(test.book.count("a up") == 4);
}

// ---- limits in time ----

TEST_CASE("restarts up to the limit within the window are granted, one more ends the supervisor", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_one, {obedient_child("a", book), obedient_child("b", book)});
    spec.restarts_max = 3;
    spec.window = seconds(5);
    return spec;
  });
  for (int crash = 0; crash < 3; ++crash) {
    test.world.advance(seconds(1));
    test.say("a", "error");
    CHECK(test.is_up("a"));
  }
  CHECK(test.world.end_of(test.root) == "alive");
  test.world.advance(seconds(1));
  test.say("b", "error");
  const auto reason = test.world.end_of(test.root);
  CHECK(reason ==
        "supervisor 'test' gives up: more than 3 restarts within 5000 ms; last, child 'b': the device is gone");
  CHECK(test.events.has("escalated b"));
  CHECK(test.book.take().back() == "a down");
}

TEST_CASE("restarts that the window has left behind do not count", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {obedient_child("a", book)});
    spec.restarts_max = 2;
    spec.window = seconds(5);
    return spec;
  });
  for (int crash = 0; crash < 50; ++crash) {
    test.world.advance(milliseconds(2501));
    test.say("a", "error");
    REQUIRE(test.is_up("a"));
  }
}

TEST_CASE("with no restarts allowed the first crash ends the supervisor", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec = spec_of(restart_strategy::one_for_one, {obedient_child("a", book)});
    spec.restarts_max = 0;
    return spec;
  });
  test.say("a", "quit");
  CHECK(test.world.end_of(test.root) != "alive");
  CHECK(test.book.count("a up") == 1);
}

TEST_CASE("a supervisor whose children never start ends at once when no restarts are allowed", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_all, {obedient_child("a", book), reluctant_child("b", book, 1, 99, true)});
    spec.restarts_max = 0;
    return spec;
  });
  const auto reason = test.world.end_of(test.root);
  CHECK(reason.find("no device") != std::string::npos);
}

TEST_CASE("the pause before a restart doubles up to its maximum, for each child apart", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_one, {obedient_child("a", book), obedient_child("b", book)});
    spec.restarts_max = 100;
    spec.window = seconds(100);
    spec.backoff_initial = milliseconds(10);
    spec.backoff_max = milliseconds(50);
    return spec;
  });
  for (const int pause : {10, 20, 40, 50, 50}) {
    INFO(pause << " ms");
    test.say("a", "error");
    test.world.advance(milliseconds(pause - 1));
    CHECK_FALSE(test.is_up("a"));
    test.world.advance(milliseconds(1));
    CHECK(test.is_up("a"));
  }
  test.say("b", "error");
  test.world.advance(milliseconds(10));
  CHECK(test.is_up("b"));
}

TEST_CASE("the pause of a group grows with the group's restarts", "[supervisor]") {
  stage test([](const journal& book) {
    supervisor_spec spec =
        spec_of(restart_strategy::one_for_all, {obedient_child("a", book), obedient_child("b", book)});
    spec.backoff_initial = milliseconds(10);
    spec.backoff_max = milliseconds(1000);
    return spec;
  });
  test.say("a", "error");
  test.world.advance(milliseconds(10));
  CHECK(test.up() == "ab");
  test.say("b", "error");
  test.world.advance(milliseconds(19));
  CHECK(test.up().empty());
  test.world.advance(milliseconds(1));
  CHECK(test.up() == "ab");
}

}  // namespace
}  // namespace troupe::test
