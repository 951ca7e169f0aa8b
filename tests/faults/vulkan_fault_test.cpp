// Method: one clean life of a device (open, load, run with host nodes, views, two shapes, staging, pipeline cache,
// close) counts the driver calls, N. Then N lives follow in which call i fails, for each kind of failure. Each must end
// with a typed error or the right result, without a crash, a leak (validation layer, sanitizer) or a message of the
// validation layer; and a fresh device then gives the right result.
#include <atomic>
#include <filesystem>

#include "support/device_case.hpp"
#include "support/temporary_folder.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

using namespace troupe;
using namespace troupe::test;

namespace {

/// Fails the call with one number, counted from 1 over all calls; 0: none.
class nth_call_fails final : public device_fault_hook {
public:
  nth_call_fails(std::size_t number, errc kind) : number_(number), kind_(kind) {}
  std::optional<errc> before_call(std::string_view call) override {
    if (++count_ != number_) return std::nullopt;
    failed_ = call;
    return kind_;
  }
  std::size_t count() const { return count_; }
  const std::string& failed() const { return failed_; }

private:
  std::size_t number_;
  errc kind_;
  std::atomic<std::size_t> count_ = 0;
  std::string failed_;
};

graph_builder life_graph() {
  graph_builder built;
  built.input("x", dtype::f32, {-1, 3})
      .step("Relu", {"x"}, {"a"})
      .step("HostNegate", {"a"}, {"b"})
      .step("Flat", {"b"}, {"c"})
      .step("ReluTwice", {"c"}, {"d"})
      .constant("w", random_tensor({5}, 8))
      .step("Sigmoid", {"a"}, {"e"})
      .step("ReluOfSecond", {"e", "w"}, {"f"})
      .output("d")
      .output("e")
      .output("f");
  return built;
}

std::vector<tensor> input_of(std::int64_t rows) {
  return {random_tensor({rows, 3}, static_cast<std::uint64_t>(rows))};
}

struct life_options {
  bool staging = false;
  bool validation = false;
  std::string cache;
};

/// One life of a device; the outputs of both runs.
result<std::vector<tensor>> live(std::shared_ptr<device_fault_hook> hook, message_log& log, const life_options& how) {
  device_options options;
  options.fault_hook = std::move(hook);
  options.on_message = log.sink();
  options.validation = how.validation;
  options.pipeline_cache_directory = how.cache;
  vulkan::tuning choices;
  choices.staging_only = how.staging;
  TROUPE_TRY(const auto opened, open_vulkan(options, choices));
  TROUPE_TRY(const auto loaded,
             opened->load(std::make_shared<const graph>(life_graph().build()), {.storage = dtype::f32}));
  TROUPE_TRY(auto outputs, loaded->run(input_of(2), soon()));
  TROUPE_TRY(const auto more, loaded->run(input_of(70), soon()));
  outputs.insert(outputs.end(), more.begin(), more.end());
  return outputs;
}

/// What the layer says, without our own notes on what went wrong.
std::size_t validation_messages(const message_log& log) {
  std::size_t count = 0;
  for (const auto& text : log.all()) {
    if (text.find("pipeline cache") != std::string::npos) continue;
    UNSCOPED_INFO(text);
    ++count;
  }
  return count;
}

/// What is allocated during its life may leak, and the leak detector keeps quiet about it.
struct leaks_on_purpose {
#if defined(__SANITIZE_ADDRESS__)
  leaks_on_purpose() {
    __lsan_disable();
  }
  ~leaks_on_purpose() {
    __lsan_enable();
  }
#else
  leaks_on_purpose() {}
#endif
  leaks_on_purpose(const leaks_on_purpose&) = delete;
  leaks_on_purpose& operator=(const leaks_on_purpose&) = delete;
};

}  // namespace

TEST_CASE("every driver call may fail, and the answer is a typed error or the right result") {
  TROUPE_NEEDS_VULKAN();
  const temporary_folder folder;
  const auto staging = GENERATE(false, true);
  const life_options how{.staging = staging, .validation = false, .cache = folder.path().string()};
  message_log clean_log;
  const auto counter = std::make_shared<nth_call_fails>(0, errc::device_lost);
  const auto expected = need(live(counter, clean_log, how));
  const std::size_t calls = counter->count();
  WARN("driver calls of one life (" << (staging ? "staging" : "direct") << "): " << calls);
  REQUIRE(calls > 30);
  CHECK(validation_messages(clean_log) == 0);

  std::size_t survived = 0, unreached = 0;
  for (const errc kind : {errc::device_lost, errc::out_of_memory}) {
    for (std::size_t i = 1; i <= calls; ++i) {
      message_log log;
      const auto hook = std::make_shared<nth_call_fails>(i, kind);
      const auto outcome = live(hook, log, how);
      INFO("call " << i << ", " << hook->failed() << ", fails with " << to_string(kind));
      if (hook->failed().empty()) {
        // A life in which fewer waits were cut short, because the machine was quicker this time.
        REQUIRE(hook->count() < i);
        REQUIRE(same(need(outcome), expected));
        ++unreached;
        continue;
      }
      // Nobody needs the pipeline cache, or an early answer whether objects can be destroyed. A device lost there is
      // noticed by the next call.
      const bool optional =
          hook->failed().find("PipelineCache") != std::string::npos || hook->failed() == "vkGetSemaphoreCounterValue";
      if (outcome) {
        REQUIRE(optional);
        REQUIRE(same(*outcome, expected));
        ++survived;
      } else {
        REQUIRE(outcome.error().code() == kind);
        REQUIRE((optional || outcome.error().message().find(hook->failed()) != std::string::npos));
      }
      REQUIRE(validation_messages(log) == 0);
    }
  }
  CHECK(unreached < calls / 10);
  WARN("failures survived with the right result: " << survived << " of " << 2 * calls);
  message_log log;
  CHECK(same(need(live(nullptr, log, how)), expected));
}

TEST_CASE("a device that was lost stays lost without touching the driver") {
  TROUPE_NEEDS_VULKAN();
  class lost_at_submit final : public device_fault_hook {
  public:
    std::optional<errc> before_call(std::string_view call) override {
      ++calls;
      return armed && call == "vkQueueSubmit" ? std::optional(errc::device_lost) : std::nullopt;
    }
    std::atomic<bool> armed = false;
    std::atomic<std::size_t> calls = 0;
  };
  const auto hook = std::make_shared<lost_at_submit>();
  device_options options;
  options.fault_hook = hook;
  const auto opened = need(open_vulkan(options));
  const auto loaded = load_on(*opened, life_graph());
  const auto other = load_on(*opened, life_graph());
  need(loaded->run(input_of(2), soon()));
  hook->armed = true;
  CHECK(loaded->run(input_of(2), soon()).error().code() == errc::device_lost);
  hook->armed = false;
  const std::size_t calls = hook->calls;
  CHECK(loaded->run(input_of(2), soon()).error().code() == errc::device_lost);
  CHECK(other->run(input_of(2), soon()).error().code() == errc::device_lost);
  CHECK(opened->load(std::make_shared<const graph>(life_graph().build())).error().code() == errc::device_lost);
  CHECK(hook->calls == calls);
}

TEST_CASE("a device that never answers does not hold up its owner for long, and says what it leaks") {
  TROUPE_NEEDS_VULKAN();
  /// The driver executes, but every question about it fails.
  class deaf final : public device_fault_hook {
  public:
    std::optional<errc> before_call(std::string_view call) override {
      const bool asks = call == "vkWaitSemaphores" || call == "vkGetSemaphoreCounterValue";
      return asks && armed ? std::optional(errc::out_of_memory) : std::nullopt;
    }
    std::atomic<bool> armed = false;
  };
  const auto hook = std::make_shared<deaf>();
  message_log log;
  device_options options;
  options.fault_hook = hook;
  options.on_message = log.sink();
  const auto start = steady_clock::now();
  {
    const leaks_on_purpose expected;
    const auto opened = need(open_vulkan(options));
    const auto loaded = load_on(*opened, life_graph());
    hook->armed = true;
    CHECK(loaded->run(input_of(2), soon()).error().code() == errc::out_of_memory);
  }
  CHECK(steady_clock::now() - start < std::chrono::seconds(20));
  REQUIRE(log.all().size() == 1);
  CHECK(log.all()[0].find("leaked on purpose") != std::string::npos);
}

TEST_CASE("with the validation layer on, failing calls raise no message") {
  TROUPE_NEEDS_VULKAN();
  const life_options how{.staging = GENERATE(false, true), .validation = true, .cache = {}};
  message_log clean_log;
  const auto counter = std::make_shared<nth_call_fails>(0, errc::device_lost);
  const auto expected = need(live(counter, clean_log, how));
  if (!clean_log.all().empty() && clean_log.all()[0].find("not installed") != std::string::npos) {
    WARN("skipped: " << clean_log.all()[0]);
    return;
  }
  REQUIRE(validation_messages(clean_log) == 0);
  const std::size_t calls = counter->count();
  WARN("driver calls of one life with validation: " << calls);
  for (std::size_t i = 1; i <= calls; ++i) {
    message_log log;
    const auto hook = std::make_shared<nth_call_fails>(i, i % 2 == 0 ? errc::device_lost : errc::out_of_memory);
    const auto outcome = live(hook, log, how);
    INFO("call " << i << ", " << hook->failed());
    REQUIRE((!outcome || same(*outcome, expected)));
    REQUIRE(validation_messages(log) == 0);
  }
}
