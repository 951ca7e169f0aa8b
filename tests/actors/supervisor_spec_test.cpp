// Specifications are checked before anything starts, with the offending value in the error.
#include "supervised_actors.hpp"

namespace troupe::test {
namespace {

child_spec some_child(const std::string& id) {
  child_spec made;
  made.id = id;
  made.start = [](caf::event_based_actor*) { return caf::actor(); };
  return made;
}

supervisor_spec good_spec() {
  supervisor_spec made;
  made.name = "node";
  made.children = {some_child("a"), some_child("b")};
  return made;
}

template <class Change>
std::string refusal(Change change) {
  supervisor_spec spec = good_spec();
  change(spec);
  const result<void> outcome = validate(spec);
  if (outcome) return "accepted";
  CHECK(outcome.error().code() == errc::invalid_argument);
  return outcome.error().to_string();
}

TEST_CASE("a supervisor with the defaults is valid, also without children", "[supervisor]") {
  need(validate(good_spec()));
  supervisor_spec empty = good_spec();
  empty.children.clear();
  need(validate(empty));
}

TEST_CASE("names that are empty, too long or not printable are refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.name = ""; }) ==
        "the supervisor name is empty; every supervisor name needs one character at least");
  CHECK(refusal([](auto& spec) { spec.children[1].id = ""; }) ==
        "supervisor 'node': the child id is empty; every child id needs one character at least");
  CHECK(refusal([](auto& spec) { spec.children[1].id = std::string(129, 'x'); }) ==
        "supervisor 'node': the child id 'xxxxxxxxxxxxxxxx...' has 129 bytes; at most 128 are allowed");
  CHECK(refusal([](auto& spec) { spec.children[1].id = "a\nb"; }) ==
        "supervisor 'node': the child id of 3 bytes contains a control character; use printable text");
  CHECK(refusal([](auto& spec) { spec.children[1].id = std::string(128, 'x'); }) == "accepted");
}

TEST_CASE("two children of the same id are refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.children[1].id = "a"; }) ==
        "supervisor 'node': two children have the id 'a'; ids must differ");
}

TEST_CASE("a child without a start function is refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.children[1].start = nullptr; }) ==
        "supervisor 'node': child 'b': start is empty; give it a function that spawns the child");
}

TEST_CASE("times that are negative, zero where that makes no sense, or longer than a day are refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.window = milliseconds(0); }) ==
        "supervisor 'node': window is 0 ms; it must be from 1 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.backoff_initial = milliseconds(-5); }) ==
        "supervisor 'node': backoff_initial is -5 ms; it must be from 0 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.backoff_max = std::chrono::hours(25); }) ==
        "supervisor 'node': backoff_max is 90000000 ms; it must be from 0 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.backoff_initial = seconds(3); }) ==
        "supervisor 'node': backoff_initial is 3000 ms; it must not be above backoff_max, which is 2000 ms");
  CHECK(refusal([](auto& spec) { spec.children[0].shutdown = milliseconds(-1); }) ==
        "supervisor 'node': child 'a': shutdown is -1 ms; it must be from 0 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.children[0].kill_timeout = milliseconds(0); }) ==
        "supervisor 'node': child 'a': kill_timeout is 0 ms; it must be from 1 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.children[0].shutdown = milliseconds(0); }) == "accepted");
}

TEST_CASE("a probe whose verdict does not leave time for an answer is refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) {
          spec.children[0].probe = probe_policy{seconds(1), seconds(1)};
        }) == "supervisor 'node': child 'a': probe.hung is 1000 ms; it must be above probe.interval, which is 1000 ms");
  CHECK(refusal([](auto& spec) {
          spec.children[0].probe = probe_policy{seconds(0), seconds(1)};
        }) == "supervisor 'node': child 'a': probe.interval is 0 ms; it must be from 1 ms to 86400000 ms");
  CHECK(refusal([](auto& spec) { spec.children[0].probe = probe_policy{}; }) == "accepted");
}

TEST_CASE("more children or restarts than the limits are refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.restarts_max = 1001; }) ==
        "supervisor 'node': restarts_max is 1001; at most 1000 are allowed");
  const auto with_children = [](std::size_t count) {
    return refusal([count](auto& spec) {
      spec.children.clear();
      for (std::size_t n = 0; n < count; ++n) spec.children.push_back(some_child("child " + std::to_string(n)));
    });
  };
  CHECK(with_children(constants::children_max) == "accepted");
  CHECK(with_children(constants::children_max + 1) ==
        "supervisor 'node': there are 1025 children; at most 1024 are allowed");
}

TEST_CASE("enumerators that name nothing are refused", "[supervisor]") {
  CHECK(refusal([](auto& spec) { spec.strategy = static_cast<restart_strategy>(9); }) ==
        "supervisor 'node': strategy has the value 9, which names nothing");
  CHECK(refusal([](auto& spec) { spec.children[0].restart = static_cast<restart_kind>(7); }) ==
        "supervisor 'node': child 'a': restart has the value 7, which names nothing");
  CHECK(refusal([](auto& spec) { spec.children[0].kind = static_cast<child_kind>(7); }) ==
        "supervisor 'node': child 'a': kind has the value 7, which names nothing");
}

TEST_CASE("an invalid specification starts nothing", "[supervisor]") {
  runtime world(true);
  const journal book;
  supervisor_spec spec = spec_of(restart_strategy::one_for_one, {obedient_child("a", book), obedient_child("a", book)});
  const auto refused = spawn_supervisor(world.system(), spec);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::invalid_argument);
  world.run();
  CHECK(book.take().empty());
}

TEST_CASE("a supervisor below another gets the time that its children may need to stop", "[supervisor]") {
  supervisor_spec low = good_spec();
  low.children[0].shutdown = seconds(2);
  low.children[0].kill_timeout = seconds(1);
  low.children[1].shutdown = seconds(4);
  low.children[1].kill_timeout = seconds(1);
  CHECK(time_to_stop(low) >= seconds(8));
  CHECK(time_to_stop(low) < seconds(10));
  CHECK(supervised(low).shutdown == time_to_stop(low));
  CHECK(supervised(low).kind == child_kind::supervisor);
  CHECK(supervised(low).id == "node");
  for (child_spec& child : low.children) child.shutdown = constants::spec_time_max;
  CHECK(time_to_stop(low) == constants::spec_time_max);
  need(validate(supervised(low)));
}

TEST_CASE("the timing profiles leave room for what they bound", "[supervisor]") {
  for (const timing_profile& profile : constants::timing_profiles) {
    INFO(profile.name);
    // Three heartbeats may be lost, and a probe has at least twice its interval to be answered.
    CHECK(profile.link_dead >= 4 * profile.heartbeat_interval);
    CHECK(profile.actor_hung >= 3 * profile.probe_interval);
  }
  CHECK(constants::child_shutdown + constants::child_kill_timeout < constants::node_shutdown);
}

}  // namespace
}  // namespace troupe::test
