// Real `troupe node` processes, killed with SIGKILL while a model runs on them.
#include <sys/wait.h>
#include <unistd.h>
#include <thread>

#include "node_processes.hpp"
#include "support/cached_session.hpp"
#include "support/digits.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

TEST_CASE("two node processes give the bits of one process") {
  const auto first = start_node("first");
  const auto second = start_node("second");
  auto alone = need(troupe::system::make());
  auto spread = need(troupe::system::make(over({first.address(), second.address()})));
  const std::vector<tensor> batch{digits_batch(9)};
  const tensor want = need(need(alone.load(digits_network())).run(batch)).outputs[0];
  for (const auto mode : {parallel_mode::pipeline, parallel_mode::data})
    for (const std::size_t shards : {1, 2, 3}) {
      load_options how;
      how.parallel = mode;
      how.shards = shards;
      const model loaded = need(spread.load(digits_network(), how));
      CHECK(bitwise_equal(need(loaded.run(batch)).outputs[0], want));
      if (shards == 2) {
        const auto places = need(loaded.placement());
        CHECK(places[0].node == "first");
        CHECK(places[1].node == "second");
      }
    }
}

TEST_CASE("a node killed with SIGKILL at a random moment costs time and not one bit") {
  const std::uint64_t seed = 77;
  random_source random(seed);
  auto alone = need(troupe::system::make());
  const std::vector<tensor> batch{digits_batch(64)};
  const tensor want = need(need(alone.load(digits_network())).run(batch)).outputs[0];
  for (int round = 0; round < 6; ++round) {
    INFO("seed " << seed << ", round " << round);
    auto first = start_node("first");
    auto second = start_node("second");
    auto host = need(troupe::system::make(over({first.address(), second.address()})));
    load_options how;
    how.parallel = round % 2 == 0 ? parallel_mode::pipeline : parallel_mode::data;
    how.shards = 2;
    const model loaded = need(host.load(digits_network(), how));
    std::thread killer([&, pause = random.below(20'000), victim = random.below(2)] {
      std::this_thread::sleep_for(std::chrono::microseconds(pause));
      (victim == 0 ? first : second).kill();
    });
    std::vector<result<run_result>> answers;
    for (int run = 0; run < 4; ++run) answers.push_back(loaded.run(batch, {.deadline = 30s}));
    killer.join();
    for (const auto& answer : answers) CHECK(bitwise_equal(need(answer).outputs[0], want));
    // Both gone: this process takes over.
    first.kill();
    second.kill();
    CHECK(bitwise_equal(need(loaded.run(batch, {.deadline = 30s})).outputs[0], want));
  }
}

TEST_CASE("a node killed with SIGKILL takes the state of its parts with it, and replayed rows have the same bits") {
  const std::uint64_t seed = 78;
  random_source random(seed);
  const tensor want = cached_network::undisturbed(3, 0, 60);
  for (int round = 0; round < 3; ++round) {
    INFO("seed " << seed << ", round " << round);
    auto first = start_node("first");
    auto second = start_node("second");
    auto host = need(troupe::system::make(over({first.address(), second.address()})));
    const model loaded = need(host.load(cached_network::make(3), {.shards = 2}));
    cached_session session(loaded, 0);
    CHECK(bitwise_equal(session.next(9), need(want.rows(0, 9))));
    const std::uint64_t epoch = session.epoch();
    auto& victim = round % 2 == 0 ? first : second;
    if (round < 2) {  // between two steps
      victim.kill();
      session.run_until_lost(want);
      CHECK(bitwise_equal(session.replay(session.done()), need(want.rows(0, session.done()))));
    } else {  // while steps follow each other
      std::thread killer([&, pause = random.below(20'000)] {
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
        victim.kill();
      });
      bool same = true;
      for (std::int64_t position = 9; position < 40; ++position)
        same = same && bitwise_equal(session.next(1), need(want.rows(position, 1)));
      killer.join();
      CHECK(same);
    }
    const std::int64_t done = session.done();
    CHECK(bitwise_equal(session.next(2), need(want.rows(done, 2))));
    CHECK(session.losses() > 0);
    CHECK(session.epoch() > epoch);
    // Both gone: this process takes over, with an empty state.
    first.kill();
    second.kill();
    const std::int64_t before = session.done();
    CHECK(bitwise_equal(session.next(2), need(want.rows(before, 2))));
  }
}

TEST_CASE("a node that stops answering is given up and its work done elsewhere") {
  auto first = start_node("first");
  auto second = start_node("second");
  auto host = need(troupe::system::make(over({first.address(), second.address()})));
  const model loaded = need(host.load(digits_network(), {.shards = 2}));
  const std::vector<tensor> batch{digits_batch(8)};
  const tensor want = need(loaded.run(batch)).outputs[0];
  REQUIRE(::kill(second.pid(), SIGSTOP) == 0);
  const auto answer = loaded.run(batch, {.deadline = 30s});
  ::kill(second.pid(), SIGCONT);
  CHECK(bitwise_equal(need(answer).outputs[0], want));
  CHECK(answer->recoveries >= 1);
  // The node that was given up speaks again; nothing it says changes an answer.
  for (int run = 0; run < 5; ++run) CHECK(bitwise_equal(need(loaded.run(batch, {.deadline = 30s})).outputs[0], want));
}

TEST_CASE("a node outlives the programs that used it") {
  auto node = start_node("node");
  for (int round = 0; round < 3; ++round) {
    auto host = need(troupe::system::make(over({node.address()})));
    const model loaded = need(host.load(digits_network(), {.shards = 2}));
    (void)need(loaded.run(std::vector<tensor>{digits_batch(1)}));
    CHECK(host.tree().children.back().children.size() == 2);
  }
  auto host = need(troupe::system::make(over({node.address()})));
  std::size_t parts = 99;
  for (int wait = 0; wait < 500 && parts != 0; ++wait) {
    parts = host.tree().children.back().children.size();
    std::this_thread::sleep_for(10ms);
  }
  CHECK(parts == 0);  // what the ended programs had loaded is gone
}
