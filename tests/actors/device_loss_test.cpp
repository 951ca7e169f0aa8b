// Every call into the Vulkan driver, one after the other, reports a lost device or no memory while a supervised shard
// opens its device, loads its part and runs it. The supervisor makes a new shard each time, and the answer has the same
// bits.
#include <fmt/format.h>

#include "support/digits.hpp"
#include "support/nth_call.hpp"
#include "troupe/system.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

TEST_CASE("a driver call that fails anywhere in a shard's life costs a restart and not one bit") {
  const auto hook = std::make_shared<nth_call>();
  system_options options;
  options.devices.fault_hook = hook;
  options.allow_fault_injection = true;
  // A short window: hundreds of faults in a row are the test's doing, and must not slow restarts down.
  options.restarts = {100, 20ms};
  auto host = need(troupe::system::make(options));
  const model loaded = need(host.load(digits_network()));
  const std::vector<tensor> batch{digits_batch(2)};
  const tensor want = need(loaded.run(batch)).outputs[0];

  // One whole life without a fault: open, load, run.
  hook->arm(0, errc::device_lost);
  need(host.kill_part(loaded, 0));
  REQUIRE(bitwise_equal(need(loaded.run(batch, {.deadline = 30s})).outputs[0], want));
  const std::int64_t calls = hook->calls();
  REQUIRE(calls > 50);

  std::int64_t different = 0, unanswered = 0;
  for (const errc code : {errc::device_lost, errc::out_of_memory})
    for (std::int64_t number = 1; number <= calls; ++number) {
      INFO(to_string(code) << " at call " << number << " of " << calls);
      hook->arm(number, code);
      // Refused while the last round's successor is still starting; then that start meets the fault.
      (void)host.kill_part(loaded, 0);
      const auto answer = loaded.run(batch, {.deadline = 30s});
      if (!answer)
        ++unanswered;
      else if (!bitwise_equal(answer->outputs[0], want))
        ++different;
      CHECK(answer.has_value());
    }
  hook->arm(0, errc::device_lost);
  WARN(fmt::format("{} driver calls in a shard's life; {} faults injected, {} answers different, {} without an answer",
                   calls, hook->injected(), different, unanswered));
  CHECK(different == 0);
  CHECK(unanswered == 0);
  CHECK(hook->injected() > calls);
}
