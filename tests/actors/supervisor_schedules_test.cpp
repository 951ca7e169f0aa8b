// Random schedules: children crash, refuse to start, to stop, to die and to answer, while others are added, terminated,
// restarted and deleted at run time, in virtual time. The world checks the invariants at every step; at the end faults
// stop, and everything wanted must be up again, or the supervisor must have ended with nothing left.
#include "supervised_world.hpp"

namespace troupe::test {
namespace {

std::optional<milliseconds> some_delay(random_source& random) {
  if (random.below(6) == 0) return std::nullopt;
  return milliseconds(random.below(40));
}

child_policy some_child(random_source& random, std::string id) {
  child_policy child;
  child.id = std::move(id);
  child.restart = static_cast<restart_kind>(random.below(3));
  child.shutdown = milliseconds(random.below(4) == 0 ? 0 : 1 + random.below(30));
  child.kill_timeout = milliseconds(1 + random.below(30));
  if (random.below(3) == 0) child.probe = probe_policy{milliseconds(20), milliseconds(50)};
  return child;
}

supervised_world some_world(random_source& random) {
  supervisor_policy policy;
  policy.name = "random";
  policy.strategy = static_cast<restart_strategy>(random.below(3));
  policy.restarts_max = random.below(12);
  policy.window = milliseconds(1 + random.below(400));
  policy.backoff_initial = milliseconds(random.below(10));
  policy.backoff_max = policy.backoff_initial + milliseconds(random.below(60));
  std::vector<child_policy> children;
  for (std::uint64_t n = random.below(6); n > 0; --n)
    children.push_back(some_child(random, std::string(1, char('a' + n))));
  return {std::move(policy), std::move(children)};
}

void misbehave(supervised_world& world, random_source& random, const std::string& id) {
  conduct& how = world.of(id);
  switch (random.below(5)) {
    case 4: how.starts_after = some_delay(random); break;
    case 0: how.starts_that_fail = static_cast<int>(random.below(4)); break;
    case 1: how.stops_after = some_delay(random); break;
    case 2: how.dies_after = some_delay(random); break;
    default: how.answers_probes = random.below(2) == 0; break;
  }
}

void one_thing_happens(supervised_world& world, random_source& random) {
  const std::string id(1, char('a' + random.below(9)));
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2: world.crashes(id); break;
    case 3: world.ends(id, true); break;
    case 4:
    case 5: misbehave(world, random, id); break;
    case 6: world.start_child(some_child(random, id)); break;
    case 7: world.terminate(id); break;
    case 8: world.restart(id); break;
    case 9: world.remove(id); break;
    default: world.run_for(milliseconds(random.below(60))); break;
  }
}

struct tally {
  std::size_t restarts = 0, escalations = 0, abandoned = 0, hung = 0, finished = 0, settled = 0;
};

void run_schedule(std::uint64_t seed, tally& seen) {
  random_source random(seed);
  supervised_world world = some_world(random);
  for (char id = 'a'; id < 'j'; ++id)
    if (random.below(4) == 0) misbehave(world, random, std::string(1, id));
  world.start();
  for (std::uint64_t things = random.below(60); things > 0 && !world.finished(); --things)
    one_thing_happens(world, random);

  // Faults stop. Nothing may be left undone.
  for (char id = 'a'; id < 'j'; ++id) world.of(std::string(1, id)) = conduct{};
  world.run_for(seconds(3));
  if (!world.finished())
    for (const auto& child : world.state().children()) {
      INFO("child " << child.policy.id << " is " << to_string(child.phase));
      CHECK(child.phase == (child.wanted ? child_phase::up : child_phase::down));
    }
  seen.settled += !world.finished();
  if (random.below(2) == 0 || world.finished()) {
    world.shut_down();
    world.run_for(seconds(3));
    CHECK(world.finished());
    CHECK(world.up().empty());
    ++seen.finished;
  }
  CHECK(world.unanswered() == 0);
  for (const std::string& violation : world.violations()) FAIL_CHECK(violation);
  seen.restarts += world.count(supervision_event_kind::restarting);
  seen.escalations += world.count(supervision_event_kind::escalated);
  seen.abandoned += world.count(supervision_event_kind::child_abandoned);
  seen.hung += world.count(supervision_event_kind::child_hung);
}

TEST_CASE("20,000 random schedules break no invariant of supervision", "[supervisor]") {
  constexpr std::uint64_t first_seed = 0x7265737461727400;
  tally seen;
  for (std::uint64_t seed = first_seed; seed < first_seed + 20'000; ++seed) {
    INFO("seed " << seed);
    run_schedule(seed, seen);
  }
  // The schedules must reach the rare paths, or they prove nothing.
  INFO("restarts " << seen.restarts << ", escalations " << seen.escalations << ", abandoned " << seen.abandoned
                   << ", hung " << seen.hung << ", finished " << seen.finished << ", settled " << seen.settled);
  CHECK(seen.restarts > 20'000);
  CHECK(seen.escalations > 1'000);
  CHECK(seen.abandoned > 1'000);
  CHECK(seen.hung > 500);
  CHECK(seen.finished > 5'000);
  CHECK(seen.settled > 5'000);
}

TEST_CASE("the same seed gives the same schedule", "[supervisor]") {
  const auto trace = [](std::uint64_t seed) {
    random_source random(seed);
    supervised_world world = some_world(random);
    world.start();
    for (int things = 0; things < 60; ++things) one_thing_happens(world, random);
    return std::pair(world.deeds(), world.events());
  };
  for (std::uint64_t seed = 1; seed < 50; ++seed) CHECK(trace(seed) == trace(seed));
}

}  // namespace
}  // namespace troupe::test
