#include "wire/liveness.hpp"

#include "support/check.hpp"
#include "troupe/transport/limits.hpp"

using namespace troupe;
using namespace troupe::wire;
using std::chrono::milliseconds;

namespace {
constexpr time_point begin{};
time_point after(int ms) {
  return begin + milliseconds(ms);
}
}  // namespace

TEST_CASE("a peer is lost after exactly its time of silence, and any byte starts it anew") {
  liveness life(fast_profile, begin);
  CHECK_FALSE(life.verdict(after(999)));
  CHECK(life.verdict(after(1000))->code() == errc::unavailable);
  life.on_received(after(999));
  CHECK_FALSE(life.verdict(after(1998)));
  CHECK(life.verdict(after(1999))->message().find("silent for 1000 ms") != std::string::npos);
}

TEST_CASE("a heartbeat is due once every interval, whatever else is sent") {
  liveness life(fast_profile, begin);
  CHECK_FALSE(life.heartbeat_due(after(199)));
  CHECK(life.heartbeat_due(after(200)));
  life.on_heartbeat_queued(after(200));
  CHECK_FALSE(life.heartbeat_due(after(399)));  // it waits: a second one would say no more
  life.on_sent(after(350));
  CHECK(life.heartbeat_due(after(400)));
}

TEST_CASE("a peer that is heard but hears nothing is lost, one interval after it has to have noticed") {
  liveness life(fast_profile, begin);
  for (int ms = 200; ms <= 1000; ms += 200) {
    life.on_received(after(ms));
    life.on_report(5000, 9000, after(ms));  // 5000 arrived at first, and then no more
    CHECK_FALSE(life.verdict(after(ms)));
  }
  life.on_received(after(1400));
  life.on_report(5000, 9000, after(1399));
  CHECK_FALSE(life.verdict(after(1399)));
  life.on_report(5000, 9000, after(1400));
  CHECK(life.verdict(after(1400))->message().find("is heard but has heard nothing for 1200 ms") != std::string::npos);
  // One byte more is a sign, and so is that there is no more to hear.
  life.on_report(5001, 9000, after(1500));
  CHECK_FALSE(life.verdict(after(1500)));
  life.on_received(after(9000));
  life.on_nothing_waits(after(9000));
  life.on_report(5001, 5001, after(9000));
  CHECK_FALSE(life.verdict(after(9000)));
}

TEST_CASE("a peer that lives but does not read is lost as well") {
  liveness life(fast_profile, begin);
  const int stall = static_cast<int>(limits::write_stall_time_max.count());
  for (int ms = 0; ms < stall; ms += 100) {
    life.on_received(after(ms));
    CHECK_FALSE(life.verdict(after(ms)));
  }
  life.on_received(after(stall));
  CHECK(life.verdict(after(stall))->message().find("read nothing") != std::string::npos);
  life.on_sent(after(stall));
  CHECK_FALSE(life.verdict(after(stall)));
}

TEST_CASE("the next check is never later than the next event") {
  liveness life({milliseconds(100), milliseconds(150)}, begin);
  CHECK(life.next_check() == after(100));
  life.on_heartbeat_queued(after(100));
  CHECK(life.next_check() == after(150));
}

TEST_CASE("profiles that cannot work are refused") {
  CHECK(validate(default_profile));
  CHECK(validate(fast_profile));
  CHECK_FALSE(validate(link_profile{milliseconds(0), milliseconds(1000)}));
  CHECK_FALSE(validate(link_profile{milliseconds(-5), milliseconds(1000)}));
  CHECK_FALSE(validate(link_profile{milliseconds(500), milliseconds(999)}));
  CHECK_FALSE(validate(link_profile{milliseconds(500), milliseconds(700'000)}));
}
