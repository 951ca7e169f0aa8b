// How a link ends when its peer freezes, dies or is only slow.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

TEST_CASE("a frozen peer is given up within its bound, and what waits for it is bounded") {
  const auto block = random_blob(std::size_t{4} << 20, 1);
  const outgoing_message large{numbered(1).head, {block}, lane::bulk};
  acceptor host(fast_profile);
  raw_peer frozen(host.address());
  frozen.greet();
  auto far = host.take();
  const auto began = steady_clock::now();

  std::size_t queued_max = 0;
  bool refused = false;
  while (!far.seen->is_closed()) {
    const auto outcome = far.link->send(large);
    if (!outcome && !far.seen->is_closed()) {
      refused = refused || outcome.error().message().find("already wait") != std::string::npos;
      std::this_thread::sleep_for(milliseconds(5));
    }
    queued_max = std::max(queued_max, far.link->queued_bytes());
  }
  const auto took = far.seen->closed_at() - began;
  CHECK(far.seen->closed().code() == errc::unavailable);
  CHECK(far.seen->closed().message().find("silent for 1000 ms") != std::string::npos);
  CHECK(took > milliseconds(500));
  CHECK(took < milliseconds(2000));
  CHECK(refused);
  CHECK(queued_max <= limits::send_queue_bytes_max);
  CHECK(far.link->queued_bytes() == 0);  // what waited is released
}

TEST_CASE("a killed process is noticed at once") {
  int port_pipe[2];
  REQUIRE(::pipe(port_pipe) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    char address[64] = {};
    if (::read(port_pipe[0], address, sizeof address - 1) <= 0) ::_exit(1);
    auto made = dial(address);
    if (!made) ::_exit(2);
    (*made)->start(std::make_shared<recorder>());
    for (;;) ::pause();
  }
  acceptor host;
  const std::string address = host.address();
  REQUIRE(::write(port_pipe[1], address.data(), address.size()) == static_cast<ssize_t>(address.size()));
  auto far = host.take();
  need(far.link->send(bulky(std::size_t{1} << 20, 1)));
  std::this_thread::sleep_for(milliseconds(100));
  CHECK_FALSE(far.seen->is_closed());

  const auto killed = steady_clock::now();
  REQUIRE(::kill(child, SIGKILL) == 0);
  const error reason = far.seen->closed();
  CHECK(reason.code() == errc::unavailable);
  CHECK(far.seen->closed_at() - killed < milliseconds(500));
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  ::close(port_pipe[0]);
  ::close(port_pipe[1]);
}

TEST_CASE("a slow but steady transfer is not taken for death") {
  struct speed {
    link_profile profile;
    std::size_t bytes;
    std::size_t rate;
  };
  // 8 MiB in about 2.7 s, longer than the time until death; and frames that each take twice that time.
  for (const speed& at : {speed{fast_profile, std::size_t{8} << 20, std::size_t{3} << 20},
                          speed{{milliseconds(60), milliseconds(300)}, std::size_t{1} << 20, std::size_t{400} << 10}}) {
    acceptor host(at.profile);
    const slow_proxy proxy(host.address(), at.rate);
    const auto near = need(dial(proxy.address(), at.profile));
    auto near_seen = std::make_shared<recorder>();
    near->start(near_seen);
    auto far = host.take();
    const auto message = bulky(at.bytes, 3);
    const auto began = steady_clock::now();
    need(near->send(message));
    const bool came = far.seen->wait_for_messages(1);
    CHECK_FALSE(near_seen->is_closed());
    CHECK_FALSE(far.seen->is_closed());
    REQUIRE(came);
    CHECK(same_content(message, far.seen->messages()[0]));
    CHECK(steady_clock::now() - began > at.profile.dead);
  }
}

TEST_CASE("a peer that vanishes in the middle of a message leaves nothing behind") {
  acceptor host;
  auto cut_off = std::make_unique<raw_peer>(host.address());
  outbox out = std::move(cut_off->greet().out);
  auto far = host.take();
  need(out.push(bulky(std::size_t{1} << 20, 1)));
  std::vector<std::byte> half;
  for (const auto piece : out.next()) half.insert(half.end(), piece.begin(), piece.end());
  half.resize(half.size() / 2);
  cut_off->send(half);
  cut_off.reset();
  CHECK(far.seen->closed().code() == errc::unavailable);
  CHECK(far.seen->messages().empty());
}
