#include "wire/outbox.hpp"

#include "stream.hpp"
#include "wire/bytes.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

TEST_CASE("a control message overtakes bulk data between two frames") {
  outbox out;
  need(out.push(bulky(std::size_t{2} << 20, 1)));
  auto stream = drain(out, 300'000);  // in the middle of the second frame
  CHECK(out.inside_frame());
  need(out.push(numbered(7)));
  need(out.push(numbered(8)));
  const auto rest = drain(out);
  stream.insert(stream.end(), rest.begin(), rest.end());

  open_reader peer;
  need(peer.feed(std::span(stream).first(2 * limits::frame_bytes_max + 200)));
  REQUIRE(peer.seen.messages.size() == 2);
  CHECK(number_of(peer.seen.messages[0]) == 7);
  CHECK(number_of(peer.seen.messages[1]) == 8);
  need(peer.feed(std::span(stream).subspan(2 * limits::frame_bytes_max + 200)));
  CHECK(peer.seen.messages.size() == 3);
}

TEST_CASE("an activation overtakes weights that were sent before it") {
  outbox out;
  outgoing_message weights = bulky(std::size_t{4} << 20, 1);
  weights.lane = lane::background;
  need(out.push(weights));
  auto stream = drain(out, 300'000);
  need(out.push(bulky(std::size_t{1} << 20, 2)));
  const auto rest = drain(out);
  stream.insert(stream.end(), rest.begin(), rest.end());
  open_reader peer;
  need(peer.feed(stream));
  REQUIRE(peer.seen.messages.size() == 2);
  CHECK(peer.seen.messages[0].lane == lane::bulk);
  CHECK(peer.seen.messages[1].lane == lane::background);
}

TEST_CASE("no frame is longer than its limit") {
  outbox out;
  need(out.push(bulky(std::size_t{1} << 20, 1)));
  while (!out.empty()) {
    std::size_t bytes = 0;
    for (const auto piece : out.next()) bytes += piece.size();
    CHECK(bytes <= limits::frame_bytes_max);
    out.sent(bytes);
  }
}

TEST_CASE("a full lane refuses with the number of bytes that wait, and the other lane goes on") {
  outbox out;
  const auto block = random_blob(std::size_t{16} << 20, 1);
  const outgoing_message large{block, {block, block}, lane::bulk};  // 48 MiB
  need(out.push(large));
  const auto refused = out.push(large);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::unavailable);
  CHECK(refused.error().message().find("50331648 bytes in 1 messages") != std::string::npos);
  need(out.push({block, {}, lane::bulk}));  // exactly full
  CHECK_FALSE(out.push(numbered(1, lane::bulk)));
  need(out.push(numbered(1)));
  CHECK(out.waiting_bytes() == (std::size_t{64} << 20) + 8);
}

TEST_CASE("one message of any allowed size goes when nothing waits") {
  outbox out;
  const auto block = random_blob(std::size_t{16} << 20, 1);
  outgoing_message huge{block, std::vector<blob>(63, block), lane::bulk};  // exactly 1 GiB
  need(out.push(huge));
  huge.attachments.push_back(numbered(1).head);
  outbox empty;
  const auto refused = empty.push(huge);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::invalid_argument);
}

TEST_CASE("messages that no link carries are refused") {
  outbox out;
  CHECK(out.push({}).error().message().find("without a head") != std::string::npos);
  CHECK(out.push({numbered(1).head, {blob{}}, lane::bulk}).error().message().find("empty attachment") !=
        std::string::npos);
  CHECK_FALSE(out.push({random_blob(limits::head_bytes_max + 8, 1), {}, lane::bulk}));
  CHECK_FALSE(out.push({numbered(1).head, {random_blob(limits::control_message_bytes_max, 1)}, lane::control}));
  const outgoing_message many{numbered(1).head, std::vector<blob>(limits::attachments_max + 1, numbered(1).head),
                              lane::bulk};
  CHECK_FALSE(out.push(many));
  CHECK(out.empty());
}

TEST_CASE("a message of very many small attachments arrives whole") {
  outbox out;
  outgoing_message many{numbered(1).head, {}, lane::bulk};
  for (std::size_t i = 0; i < limits::attachments_max; ++i) many.attachments.push_back(random_blob(1 + i % 9, i));
  need(out.push(many));
  open_reader peer;
  need(peer.feed(drain(out)));
  REQUIRE(peer.seen.messages.size() == 1);
  CHECK(same_content(many, peer.seen.messages[0]));
  CHECK(is_aligned(peer.seen.messages[0]));
}

TEST_CASE("messages are released as soon as they are sent, and only one heartbeat waits") {
  outbox out;
  auto message = bulky(1000, 1);
  const std::weak_ptr<const std::byte> watched = message.attachments[0].data;
  need(out.push(std::move(message)));
  CHECK_FALSE(watched.expired());
  drain(out);
  CHECK(watched.expired());
  CHECK(out.waiting_bytes() == 0);
  for (std::uint64_t i = 0; i < 100; ++i) out.push_heartbeat(i);
  const std::uint64_t before = out.sent_bytes();
  const auto sent = drain(out);
  CHECK(sent.size() == frame_header_bytes + heartbeat_bytes);
  CHECK(load<std::uint64_t>(sent, frame_header_bytes) == 99);  // the latest
  CHECK(out.sent_bytes() == before + sent.size());
}
