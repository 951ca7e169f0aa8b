// What a parameter store decides, without actors and bytes: who is asked, and what follows when holders fail.
#include "parameter_store_state.hpp"

#include <algorithm>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace troupe::parameter_store_action;
namespace bounds = troupe::parameter_store_limits;
using answer = parameter_store_state::answer;

namespace {

content_hash chunk(std::uint8_t number) {
  content_hash made;
  made.bytes[0] = number;
  return made;
}

std::vector<content_hash> chunks(std::uint8_t first, std::uint8_t count) {
  std::vector<content_hash> made;
  for (std::uint8_t i = 0; i < count; ++i) made.push_back(chunk(static_cast<std::uint8_t>(first + i)));
  return made;
}

template <class Action>
std::vector<Action> only(const parameter_store_actions& actions) {
  std::vector<Action> found;
  for (const auto& action : actions)
    if (const auto* held = std::get_if<Action>(&action)) found.push_back(*held);
  return found;
}

}  // namespace

TEST_CASE("a part whose chunks are here is done without asking anybody") {
  parameter_store_state store;
  const auto begun = store.begin(1, chunks(0, 2), {7});
  REQUIRE(only<look_up>(begun).size() == 2);
  CHECK(store.looked_up(chunk(0), true).empty());
  const auto last = store.looked_up(chunk(1), true);
  REQUIRE(only<finished>(last).size() == 1);
  CHECK(only<ask>(last).empty());
  CHECK(store.jobs() == 0);
}

TEST_CASE("a part without chunks is done at once, and nothing more than the limit is looked up at a time") {
  parameter_store_state store;
  CHECK(only<finished>(store.begin(1, {}, {})).size() == 1);
  CHECK(only<look_up>(store.begin(2, chunks(0, 20), {7})).size() == bounds::look_ups_max);
  CHECK(only<look_up>(store.looked_up(chunk(0), true)).size() == 1);
}

TEST_CASE("what two parts need is asked for once") {
  parameter_store_state store;
  store.begin(1, chunks(0, 1), {7});
  CHECK(store.begin(2, chunks(0, 1), {7}).empty());
  CHECK(only<ask>(store.looked_up(chunk(0), false)).size() == 1);
  CHECK(store.wanted_by(chunk(0)) == std::vector<std::uint64_t>{1, 2});
  CHECK(only<finished>(store.answered(chunk(0), 7, answer::right)).size() == 2);
}

TEST_CASE("a holder without a chunk is asked for others, one that failed for nothing more") {
  parameter_store_state store;
  store.begin(1, chunks(0, 3), {7, 8});
  const auto first = only<ask>(store.looked_up(chunk(0), false));
  REQUIRE(first.size() == 1);
  CHECK(first[0].holder == 7);
  const auto instead = only<ask>(store.answered(chunk(0), 7, answer::missing));
  REQUIRE(instead.size() == 1);
  CHECK(instead[0].holder == 8);
  const auto second = only<ask>(store.looked_up(chunk(1), false));
  REQUIRE(second.size() == 1);
  CHECK(second[0].holder == 7);  // it has less to do
  const auto moved = only<ask>(store.answered(chunk(1), 7, answer::failed));
  REQUIRE(moved.size() == 1);
  CHECK(moved[0].holder == 8);
  CHECK(only<ask>(store.looked_up(chunk(2), false))[0].holder == 8);
}

TEST_CASE("when nobody is left the part fails with an error that names the chunk, and others go on") {
  parameter_store_state store;
  store.begin(1, chunks(0, 2), {7});
  store.begin(2, chunks(1, 1), {8});
  store.looked_up(chunk(0), false);
  store.looked_up(chunk(1), false);
  const auto over = only<failed>(store.answered(chunk(0), 7, answer::failed));
  REQUIRE(over.size() == 1);
  CHECK(over[0].job == 1);
  CHECK(over[0].why.code() == errc::unavailable);
  CHECK(over[0].why.message().find(chunk(0).to_hex()) != std::string::npos);
  CHECK(store.wanted_by(chunk(1)) == std::vector<std::uint64_t>{2});
}

TEST_CASE("a cancelled part asks for nothing more, and late answers are taken") {
  parameter_store_state store;
  store.begin(1, chunks(0, 8), {7});
  store.looked_up(chunk(0), false);
  CHECK(store.asked() == 1);
  CHECK(store.cancel(1).empty());
  for (std::uint8_t i = 1; i < bounds::look_ups_max; ++i) CHECK(store.looked_up(chunk(i), false).empty());
  CHECK(store.answered(chunk(0), 7, answer::failed).empty());
  CHECK(store.asked() == 0);
  CHECK(store.jobs() == 0);
}

TEST_CASE("in every schedule each part ends once, done exactly when somebody gave every chunk, within the limits") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    INFO("seed " << seed);
    random_source random(seed);
    parameter_store_state store;
    std::vector<content_hash> looking;
    std::vector<ask> asked;
    std::map<std::uint64_t, int> ends;
    std::map<std::uint64_t, std::vector<content_hash>> wants;
    std::set<content_hash> here;
    std::set<std::uint64_t> cancelled;
    const auto take = [&](const parameter_store_actions& actions) {
      for (const auto& each : only<look_up>(actions)) looking.push_back(each.hash);
      for (const auto& each : only<ask>(actions)) asked.push_back(each);
      for (const auto& each : only<failed>(actions)) ++ends[each.job];
      for (const auto& each : only<finished>(actions)) {
        ++ends[each.job];
        for (const content_hash& hash : wants[each.job]) CHECK(here.count(hash) == 1);
      }
      CHECK(looking.size() <= bounds::look_ups_max);
      CHECK(asked.size() <= bounds::asked_max);
      for (std::uint64_t holder = 0; holder < 3; ++holder)
        CHECK(std::count_if(asked.begin(), asked.end(), [&](const ask& each) { return each.holder == holder; }) <=
              static_cast<std::ptrdiff_t>(bounds::asked_of_holder_max));
    };
    std::uint64_t jobs = 0;
    for (int step = 0; step < 400; ++step) {
      const auto choice = random.below(10);
      if (choice == 0 && jobs < 6) {
        wants[++jobs] =
            chunks(static_cast<std::uint8_t>(random.below(20)), static_cast<std::uint8_t>(random.below(15)));
        std::vector<std::uint64_t> holders;
        for (std::uint64_t holder = 0; holder < 3; ++holder)
          if (random.below(2)) holders.push_back(holder);
        take(store.begin(jobs, wants[jobs], holders));
      } else if (choice == 1 && jobs > 0 && random.below(10) == 0) {
        const std::uint64_t unwanted = 1 + random.below(jobs);
        if (ends.count(unwanted) == 0) {
          cancelled.insert(unwanted);
          take(store.cancel(unwanted));
        }
      } else if (choice < 6 && !looking.empty()) {
        const auto which = looking.begin() + static_cast<std::ptrdiff_t>(random.below(looking.size()));
        const content_hash hash = *which;
        looking.erase(which);
        const bool found = here.count(hash) == 1 || random.below(4) == 0;
        if (found) here.insert(hash);
        take(store.looked_up(hash, found));
      } else if (!asked.empty()) {
        const auto which = asked.begin() + static_cast<std::ptrdiff_t>(random.below(asked.size()));
        const ask order = *which;
        asked.erase(which);
        const auto outcome = random.below(20);
        if (outcome > 1) here.insert(order.hash);
        take(store.answered(order.hash, order.holder,
                            outcome == 0   ? answer::failed
                            : outcome == 1 ? answer::missing
                                           : answer::right));
      }
    }
    while (!looking.empty() || !asked.empty()) {
      if (!looking.empty()) {
        const content_hash hash = looking.back();
        looking.pop_back();
        take(store.looked_up(hash, here.count(hash) == 1));
      } else {
        const ask order = asked.back();
        asked.pop_back();
        here.insert(order.hash);
        take(store.answered(order.hash, order.holder, answer::right));
      }
    }
    CHECK(store.jobs() == 0);
    for (std::uint64_t job = 1; job <= jobs; ++job) CHECK(ends[job] == (cancelled.count(job) ? 0 : 1));
  }
}
