#include "troupe/transport/in_process_link.hpp"

#include <thread>

#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

struct joined {
  joined() {
    auto ends = make_in_process_links(node_called("first"), node_called("second"));
    first = std::move(ends.first);
    second = std::move(ends.second);
  }
  void start() {
    first->start(first_seen);
    second->start(second_seen);
  }
  std::unique_ptr<wire::link> first;
  std::unique_ptr<wire::link> second;
  std::shared_ptr<recorder> first_seen = std::make_shared<recorder>();
  std::shared_ptr<recorder> second_seen = std::make_shared<recorder>();
};

}  // namespace

TEST_CASE("both ends of an in-process link know each other") {
  joined pair;
  CHECK(pair.first->peer().node.name == "second");
  CHECK(pair.second->peer().node.name == "first");
  CHECK(pair.first->peer().version == protocol_version_max);
}

TEST_CASE("in process, messages keep their order within a lane and control goes first") {
  joined pair;
  for (std::uint64_t i = 0; i < 100; ++i) need(pair.first->send(numbered(i, lane::bulk)));
  for (std::uint64_t i = 0; i < 100; ++i) need(pair.first->send(numbered(i, lane::control)));
  CHECK(pair.first->queued_bytes() == 1600);
  pair.start();
  REQUIRE(pair.second_seen->wait_for_messages(200));
  const auto got = pair.second_seen->messages();
  for (std::uint64_t i = 0; i < 200; ++i) {
    CHECK(number_of(got[i]) == i % 100);
    CHECK(got[i].lane == (i < 100 ? lane::control : lane::bulk));
  }
}

TEST_CASE("in process, aligned attachments are shared and others are copied") {
  joined pair;
  pair.start();
  const tensor aligned = random_tensor({1000}, 1);
  const tensor part = need(aligned.rows(1, 99));
  const outgoing_message message{numbered(1).head, {{aligned.storage(), 4000}, {part.storage(), 396}}, lane::bulk};
  need(pair.first->send(message));
  REQUIRE(pair.second_seen->wait_for_messages(1));
  const auto got = pair.second_seen->messages()[0];
  CHECK(same_content(message, got));
  CHECK(is_aligned(got));
  CHECK(got.attachments[0].data.get() == aligned.storage().get());
}

TEST_CASE("in process, a queue is bounded, refuses with what waits, and says when there is room") {
  joined pair;
  const outgoing_message large{numbered(1).head, {random_blob(std::size_t{16} << 20, 1)}, lane::bulk};
  for (int i = 0; i < 3; ++i) need(pair.first->send(large));
  const auto refused = pair.first->send(large);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
  CHECK(refused.error().message().find("50331672 bytes in 3 messages") != std::string::npos);
  need(pair.first->send(numbered(1)));
  CHECK(pair.first->send({}).error().code() == errc::invalid_argument);
  pair.start();
  REQUIRE(pair.first_seen->wait_for_room());
  need(pair.first->send(large));
  CHECK(pair.second_seen->wait_for_messages(5));
}

TEST_CASE("in process, closing ends both sides once, and what was sent before arrives") {
  joined pair;
  pair.start();
  for (std::uint64_t i = 0; i < 50; ++i) need(pair.first->send(numbered(i)));
  pair.first->close();
  CHECK(pair.first_seen->closed().code() == errc::cancelled);
  CHECK(pair.second_seen->closed().code() == errc::unavailable);
  CHECK(pair.second_seen->messages().size() == 50);
  CHECK_FALSE(pair.first->send(numbered(1)));
  CHECK_FALSE(pair.second->send(numbered(1)));
  pair.first.reset();
  pair.second.reset();
  CHECK(pair.first_seen->closed_count() == 1);
  CHECK(pair.second_seen->closed_count() == 1);
}

TEST_CASE("in process, a handler may destroy its own link, and one that throws ends it") {
  joined pair;
  pair.second_seen->on_each = [](const incoming_message&) { throw std::runtime_error("out of ideas"); };
  pair.first_seen->on_end = [&](const error&) { pair.first.reset(); };
  pair.start();
  need(pair.first->send(numbered(1)));
  CHECK(pair.second_seen->closed().code() == errc::internal);
  CHECK(pair.first_seen->closed().code() == errc::unavailable);
}
