// Real `troupe node` processes that come, go and return while a model runs.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>

#include "node_processes.hpp"
#include "support/cached_session.hpp"
#include "support/digits.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 60s;

std::set<std::string> nodes_of(const model& loaded) {
  std::set<std::string> names;
  const auto places = loaded.placement();
  if (places)
    for (const part_placement& place : *places) names.insert(place.node);
  return names;
}

bool comes_to_run_on(const model& loaded, const std::set<std::string>& names) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (nodes_of(loaded) == names) return true;
    std::this_thread::sleep_for(20ms);
  }
  return false;
}

/// Runs a batch again and again on another thread and counts what comes.
class load {
public:
  load(const model& loaded, tensor batch, tensor want)
      : thread_([this, loaded, batch = std::move(batch), want = std::move(want)] {
          while (!stop_) {
            const auto answer = loaded.run(std::vector<tensor>{batch}, {.deadline = 60s});
            if (answer && bitwise_equal(answer->outputs[0], want))
              ++right_;
            else
              ++wrong_;
          }
        }) {}
  ~load() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int right() const { return right_; }
  int wrong() const { return wrong_; }

private:
  std::atomic<bool> stop_{false};
  std::atomic<int> right_{0}, wrong_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE("nodes join and leave under load, and every request is answered with the same bits") {
  auto first = start_node("first");
  auto second = start_node("second");
  auto third = start_node("third");
  auto host = need(troupe::system::make(over({first.address()})));
  const model loaded = need(host.load(digits_network(), {.shards = 3}));
  const tensor batch = digits_batch(32);
  const tensor want = need(loaded.run(std::vector<tensor>{batch})).outputs[0];
  CHECK(nodes_of(loaded) == std::set<std::string>{"first"});
  load busy(loaded, batch, want);
  need(host.add_node(second.address()));
  need(host.add_node(third.address()));
  CHECK_FALSE(host.add_node(third.address()));
  CHECK(comes_to_run_on(loaded, {"first", "second", "third"}));
  need(host.remove_node(first.address()));
  CHECK(comes_to_run_on(loaded, {"second", "third"}));
  CHECK_FALSE(host.remove_node(first.address()));
  // Asked to stop, a node hands its parts over first.
  REQUIRE(::kill(second.pid(), SIGTERM) == 0);
  CHECK(comes_to_run_on(loaded, {"third"}));
  const int before = busy.right();
  std::this_thread::sleep_for(200ms);
  busy.stop();
  CHECK(busy.right() > before);
  CHECK(busy.wrong() == 0);
}

TEST_CASE("a node that was lost is used again when it is back on its address") {
  auto first = start_node("first");
  auto second = start_node("second");
  auto host = need(troupe::system::make(over({first.address(), second.address()})));
  const model loaded = need(host.load(digits_network(), {.shards = 2}));
  const tensor batch = digits_batch(8);
  const tensor want = need(loaded.run(std::vector<tensor>{batch})).outputs[0];
  load busy(loaded, batch, want);
  for (int round = 0; round < 2; ++round) {
    const std::string address = second.address();
    second.kill();
    CHECK(comes_to_run_on(loaded, {"first"}));
    second = need(sample::node_process::start(TROUPE_PROGRAM, "second", "", address));
    CHECK(comes_to_run_on(loaded, {"first", "second"}));
  }
  busy.stop();
  CHECK(busy.right() > 0);
  CHECK(busy.wrong() == 0);
}

TEST_CASE("a session's state is made again when its parts move, with the same bits") {
  auto first = start_node("first");
  auto second = start_node("second");
  const tensor want = cached_network::undisturbed(3, 0, 60);
  auto host = need(troupe::system::make(over({first.address()})));
  const model loaded = need(host.load(cached_network::make(3), {.shards = 2}));
  cached_session session(loaded, 0);
  CHECK(bitwise_equal(session.next(9), need(want.rows(0, 9))));
  need(host.add_node(second.address()));
  bool same = true;
  for (std::int64_t position = 9; position < 30; ++position)
    same = same && bitwise_equal(session.next(1), need(want.rows(position, 1)));
  REQUIRE(comes_to_run_on(loaded, {"first", "second"}));
  need(host.remove_node(first.address()));
  REQUIRE(comes_to_run_on(loaded, {"second"}));
  for (std::int64_t position = 30; position < 50; ++position)
    same = same && bitwise_equal(session.next(1), need(want.rows(position, 1)));
  CHECK(same);
  CHECK(session.losses() > 0);
}

TEST_CASE("a node that cannot be reached is refused, and not kept") {
  auto host = need(troupe::system::make());
  const auto refused = host.add_node("127.0.0.1:1");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
  CHECK(host.add_node("nonsense").error().code() == errc::invalid_argument);
  CHECK(host.remove_node("127.0.0.1:1").error().code() == errc::invalid_argument);
}
