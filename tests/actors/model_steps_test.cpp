// Steps of a language model over shards: all shards work at once, and a step that nobody wants any more holds up
// nobody.
#include "troupe/model_steps.hpp"

#include <atomic>
#include <future>
#include <thread>

#include "support/digits.hpp"
#include "support/tiny_model.hpp"
#include "troupe/engine/language_model.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// A driver that takes its time over every submission, and counts how many are in it at once.
class slow_driver final : public device_fault_hook {
public:
  std::optional<errc> before_call(std::string_view call) override {
    if (call != "vkQueueSubmit" || pause_ms == 0) return std::nullopt;
    const int now = ++inside_;
    for (int known = most_; known < now && !most_.compare_exchange_weak(known, now);) continue;
    const time_point started = steady_clock::now();
    while (steady_clock::now() < started + std::chrono::milliseconds(pause_ms)) std::this_thread::sleep_for(5ms);
    --inside_;
    return std::nullopt;
  }
  /// The most at once since the last call.
  int most() { return most_.exchange(0); }

  std::atomic<int> pause_ms{0};

private:
  std::atomic<int> inside_{0}, most_{0};
};

/// A small model over three shards of such a driver.
struct slow_model {
  std::shared_ptr<slow_driver> driver = std::make_shared<slow_driver>();
  language_model file = need(build_language_model(
      open_tiny(tiny_model{.architecture = "llama", .format = block_format::q8_0, .seed = 2}.build()),
      {.sessions = 4, .context = 192}));
  std::optional<troupe::system> host;
  std::optional<model> loaded;

  /// False without a Vulkan device: others have no driver to wait for.
  bool load() {
    system_options options;
    options.devices.fault_hook = driver;
    host.emplace(need(troupe::system::make(options)));
    if (host->default_device().kind != device_kind::vulkan) {
      WARN("skipped: there is no Vulkan device");
      return false;
    }
    loaded.emplace(need(host->load(file.graph, {.shards = 3})));
    CHECK(loaded->stages() == 3);
    return true;
  }
};

std::vector<token_id> prompt_of(std::size_t length, token_id first) {
  std::vector<token_id> made;
  for (std::size_t i = 0; i < length; ++i) made.push_back(3 + (first + static_cast<token_id>(i) * 7) % 40);
  return made;
}

time_point soon() {
  return steady_clock::now() + 120s;
}

std::vector<token_id> tokens_of(generator& sessions, session_id which) {
  std::vector<token_id> made;
  while (!sessions.idle())
    for (const session_output& output : need(sessions.step(soon())))
      if (output.session == which && output.token) made.push_back(output.token->token);
  return made;
}

}  // namespace

TEST_CASE("shards work at the same time on pieces of one prompt, and on the tokens of several sessions") {
  slow_model slow;
  if (!slow.load()) return;
  model_steps steps(*slow.loaded);
  generator sessions = need(generator::make(slow.loaded->inputs(), steps, {.cache_pages = slow.file.cache_pages}));
  const auto at_once = [&](std::size_t count, std::size_t length, std::size_t tokens) {
    for (std::size_t i = 0; i < count; ++i)
      need(sessions.add(prompt_of(length, static_cast<token_id>(i)), {.tokens_max = tokens}));
    for (std::size_t i = 0; i < count; ++i) need(sessions.step(soon()));  // what compiles should not count
    slow.driver->most();
    slow.driver->pause_ms = 50;
    (void)tokens_of(sessions, 0);
    slow.driver->pause_ms = 0;
    return slow.driver->most();
  };
  CHECK(at_once(1, 1, 6) == 1);  // a token needs the one before it
  CHECK(at_once(1, 180, 1) >= 2);
  CHECK(at_once(3, 1, 12) >= 2);
}

TEST_CASE("a step ends when it is cancelled, and the sessions go on afterwards as if nothing had been") {
  slow_model slow;
  if (!slow.load()) return;
  const auto prompt = prompt_of(100, 1);
  model_steps steps(*slow.loaded);
  generator sessions = need(generator::make(slow.loaded->inputs(), steps, {.cache_pages = slow.file.cache_pages}));
  const auto expected = tokens_of(sessions, need(sessions.add(prompt, {.tokens_max = 8})));
  REQUIRE(expected.size() == 8);

  const session_id again = need(sessions.add(prompt, {.tokens_max = 8, .scores_prompt = true}));
  need(sessions.step(soon()));
  slow.driver->pause_ms = 10'000;
  const cancellation cancel;
  std::thread canceller([&] {
    std::this_thread::sleep_for(200ms);
    cancel.cancel();
  });
  const time_point started = steady_clock::now();
  auto outcome = sessions.step(soon(), cancel);
  while (outcome && !sessions.idle()) outcome = sessions.step(soon(), cancel);  // what was begun before was not slow
  const auto taken = steady_clock::now() - started;
  canceller.join();
  slow.driver->pause_ms = 0;
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == errc::cancelled);
  CHECK(taken < 8s);
  CHECK(tokens_of(sessions, again) == expected);
}

TEST_CASE("a run that is withdrawn is answered at once") {
  slow_model slow;
  if (!slow.load()) return;
  const model digits = need(slow.host->load(digits_network(), {.shards = 2}));
  const std::vector<tensor> batch{digits_batch(2)};
  const tensor want = need(digits.run(batch)).outputs[0];
  slow.driver->pause_ms = 20'000;
  std::promise<result<run_result>> promise;
  auto answer = promise.get_future();
  const run_id id =
      digits.submit(batch, {}, [&](result<run_result> outcome) { promise.set_value(std::move(outcome)); });
  digits.cancel(id);
  const bool in_time = answer.wait_for(15s) == std::future_status::ready;
  slow.driver->pause_ms = 0;
  CHECK(in_time);
  const auto outcome = answer.get();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code() == errc::cancelled);
  digits.cancel(id);
  digits.cancel(123456);
  CHECK(bitwise_equal(need(digits.run(batch)).outputs[0], want));
}
