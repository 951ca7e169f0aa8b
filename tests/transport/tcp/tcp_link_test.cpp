#include <atomic>
#include <thread>

#include "support/letters.hpp"
#include "support/raw_peer.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

/// Two ends of one TCP link, both started.
struct connected {
  explicit connected(link_profile profile = default_profile) : host(profile) {
    near = need(dial(host.address(), profile));
    near_seen = std::make_shared<recorder>();
    near->start(near_seen);
    far = host.take();
  }

  acceptor host;
  std::unique_ptr<wire::link> near;
  std::shared_ptr<recorder> near_seen;
  acceptor::guest far;
};

}  // namespace

TEST_CASE("both ends of a link know each other") {
  connected pair;
  CHECK(pair.near->peer().node.name == "listener");
  CHECK(pair.near->peer().node.listen_address == pair.host.address());
  CHECK(pair.far.link->peer().node.name == "dialer");
  CHECK(pair.far.link->peer().node.listen_address.empty());
  CHECK(pair.near->peer().version == protocol_version_max);
}

TEST_CASE("every record travels over a link") {
  connected pair;
  const auto letters = sample_letters();
  for (const auto& one : letters) need(pair.near->send(need(encode(one.letter))));
  REQUIRE(pair.far.seen->wait_for_messages(letters.size()));
  std::vector<std::vector<std::byte>> sent;
  std::vector<std::vector<std::byte>> got;
  for (const auto& one : letters) sent.push_back(flatten(need(encode(one.letter))));
  for (const auto& message : pair.far.seen->messages()) got.push_back(flatten(need(encode(need(decode(message))))));
  std::sort(sent.begin(), sent.end());
  std::sort(got.begin(), got.end());
  CHECK(got == sent);
}

TEST_CASE("messages of a lane arrive in order, from whichever thread") {
  connected pair;
  constexpr std::uint64_t count = 2000;
  std::thread other([&] {
    for (std::uint64_t i = 0; i < count; ++i) need(pair.near->send(numbered(i, lane::bulk)));
  });
  for (std::uint64_t i = 0; i < count; ++i) need(pair.near->send(numbered(i, lane::control)));
  other.join();
  REQUIRE(pair.far.seen->wait_for_messages(2 * count));
  std::uint64_t next[lane_count] = {0, 0};
  for (const auto& got : pair.far.seen->messages())
    REQUIRE(number_of(got) == next[static_cast<std::size_t>(got.lane)]++);
}

TEST_CASE("messages sent before the link starts arrive, control first") {
  acceptor host;
  const auto large = bulky(std::size_t{8} << 20, 1);
  const auto near = need(dial(host.address()));
  need(near->send(large));
  for (std::uint64_t i = 1; i <= 5; ++i) need(near->send(numbered(i)));
  CHECK(near->queued_bytes() == (std::size_t{8} << 20) + 8 + 5 * 8);
  near->start(std::make_shared<recorder>());
  auto far = host.take();
  REQUIRE(far.seen->wait_for_messages(6));
  const auto got = far.seen->messages();
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(number_of(got[i]) == i + 1);
  CHECK(got[5].attachments.size() == 1);
}

TEST_CASE("pings overtake a tensor of 40 MB that is on its way") {
  acceptor host;
  const slow_proxy proxy(host.address(), std::size_t{20} << 20);
  const auto near = need(dial(proxy.address()));
  std::atomic<int> pongs{0};
  auto near_seen = std::make_shared<recorder>();
  near_seen->on_each = [&](const incoming_message& got) {
    ++pongs;
    static_cast<void>(near->send(numbered(number_of(got) + 1)));
  };
  near->start(near_seen);
  auto far = host.take();

  step pass;
  pass.tensors = {random_tensor({10, 1'000'000}, 1)};
  need(near->send(need(encode({envelope_kind::message, 0, 1, {}, pass}))));
  need(near->send(numbered(1)));
  // The far side answers each ping until the tensor is there.
  std::uint64_t answered = 0;
  bool tensor_came = false;
  while (!tensor_came) {
    REQUIRE(far.seen->wait_for_messages(answered + 1));
    const auto got = far.seen->messages()[answered++];
    if (got.attachments.empty()) {
      need(far.link->send(numbered(number_of(got))));
    } else {
      tensor_came = true;
      const auto arrived = need(decode(got));
      CHECK(bitwise_equal(std::get<step>(arrived.body).tensors[0], pass.tensors[0]));
    }
  }
  CHECK(answered > 5);
  CHECK(pongs > 4);
}

TEST_CASE("a closed link ends once on both sides, each with its own reason") {
  connected pair;
  need(pair.near->send(numbered(1)));
  pair.near->close();
  CHECK(pair.near_seen->closed().code() == errc::cancelled);
  const error at_far = pair.far.seen->closed();
  CHECK(at_far.code() == errc::unavailable);
  CHECK(at_far.message() == "the peer has closed the link");
  CHECK(pair.far.seen->messages().size() == 1);  // what was sent before is not lost
  const auto late = pair.near->send(numbered(2));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == errc::unavailable);
  CHECK_FALSE(pair.far.link->send(numbered(3)));
  pair.near->close();
  pair.near.reset();
  pair.far.link.reset();
  CHECK(pair.near_seen->closed_count() == 1);
  CHECK(pair.far.seen->closed_count() == 1);
}

TEST_CASE("closing while both sides send ends both") {
  for (const bool near_closes : {true, false}) {
    connected pair(fast_profile);
    std::atomic<bool> stop{false};
    const auto pump = [&](wire::link& from) {
      while (!stop) {
        if (!from.send(bulky(300'000, 1)) || !from.send(numbered(1))) std::this_thread::yield();
      }
    };
    std::thread a([&] { pump(*pair.near); });
    std::thread b([&] { pump(*pair.far.link); });
    std::this_thread::sleep_for(milliseconds(50));
    (near_closes ? *pair.near : *pair.far.link).close();
    const auto began = steady_clock::now();
    const error near_end = pair.near_seen->closed();
    const error far_end = pair.far.seen->closed();
    stop = true;
    a.join();
    b.join();
    CHECK(steady_clock::now() - began < milliseconds(3000));
    CHECK(near_end.code() == (near_closes ? errc::cancelled : errc::unavailable));
    CHECK(far_end.code() == (near_closes ? errc::unavailable : errc::cancelled));
  }
}

TEST_CASE("a link may be closed and destroyed by its own handler") {
  connected pair;
  pair.far.link.reset();
  CHECK(pair.near_seen->closed().code() == errc::unavailable);

  acceptor host;
  auto near = need(dial(host.address()));
  auto seen = std::make_shared<recorder>();
  seen->on_each = [&](const incoming_message&) { near->close(); };
  seen->on_end = [&](const error&) { near.reset(); };
  near->start(seen);
  auto far = host.take();
  need(far.link->send(numbered(1)));
  CHECK(seen->closed().code() == errc::cancelled);
  CHECK(far.seen->closed().code() == errc::unavailable);
}

TEST_CASE("a handler that throws ends its link and nothing else") {
  acceptor host;
  auto near = need(dial(host.address()));
  auto seen = std::make_shared<recorder>();
  seen->on_each = [](const incoming_message&) { throw std::runtime_error("out of ideas"); };
  near->start(seen);
  auto far = host.take();
  need(far.link->send(numbered(1)));
  const error reason = seen->closed();
  CHECK(reason.code() == errc::internal);
  CHECK(reason.message().find("out of ideas") != std::string::npos);
  CHECK(far.seen->closed().code() == errc::unavailable);
}

TEST_CASE("a sender that was refused hears when there is room") {
  const auto block = random_blob(std::size_t{16} << 20, 1);
  connected pair;
  const outgoing_message large{numbered(1).head, {block}, lane::bulk};
  std::size_t accepted = 0;
  while (pair.near->send(large)) ++accepted;
  CHECK(accepted >= 3);
  REQUIRE(pair.near_seen->wait_for_room());
  need(pair.near->send(large));
  REQUIRE(pair.far.seen->wait_for_messages(accepted + 1));
}

TEST_CASE("an idle link lives on heartbeats") {
  connected pair({milliseconds(50), milliseconds(250)});
  std::this_thread::sleep_for(milliseconds(900));
  CHECK_FALSE(pair.near_seen->is_closed());
  CHECK_FALSE(pair.far.seen->is_closed());
  need(pair.near->send(numbered(1)));
  CHECK(pair.far.seen->wait_for_messages(1));
}

TEST_CASE("two hundred links leave no thread and no descriptor behind") {
  acceptor host;
  {  // whatever is made once is made now
    const auto first = need(dial(host.address()));
    host.take();
  }
  const auto descriptors = count_entries("/proc/self/fd");
  const auto threads = count_entries("/proc/self/task");
  for (int i = 0; i < 200; ++i) {
    auto near = need(dial(host.address()));
    auto seen = std::make_shared<recorder>();
    near->start(seen);
    need(near->send(numbered(1)));
    auto far = host.take();
    REQUIRE(far.seen->wait_for_messages(1));
    if (i % 2 == 0) {
      near.reset();
    } else {
      far.link.reset();
    }
  }
  const auto until = soon();
  while (count_entries("/proc/self/fd") > descriptors && steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(5));
  CHECK(count_entries("/proc/self/fd") <= descriptors);
  CHECK(count_entries("/proc/self/task") <= threads);
}
