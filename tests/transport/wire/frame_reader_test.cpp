#include "wire/frame_reader.hpp"

#include "stream.hpp"
#include "wire/bytes.hpp"
#include "wire/growing_buffer.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

outgoing_message random_message(random_source& random) {
  outgoing_message made;
  made.lane = random.below(2) == 0 ? lane::control : lane::bulk;
  made.head = random_blob(1 + random.below(3000), random.next());
  const std::size_t size_max = made.lane == lane::control ? 20'000 : 600'000;
  for (std::size_t i = random.below(4); i > 0; --i)
    made.attachments.push_back(random_blob(1 + random.below(size_max), random.next()));
  return made;
}

/// The only frame of one short message.
std::vector<std::byte> short_stream() {
  outbox out;
  need(out.push({random_blob(24, 1), {random_blob(40, 2), random_blob(8, 3)}, lane::bulk}));
  return drain(out);
}

/// One frame made by hand.
std::vector<std::byte> frame(frame_header header, std::vector<std::byte> payload) {
  header.length = static_cast<std::uint32_t>(payload.size());
  header.payload_checksum = checksum(std::span<const std::byte>(payload));
  const auto raw = encode_header(header);
  std::vector<std::byte> all(raw.begin(), raw.end());
  all.insert(all.end(), payload.begin(), payload.end());
  return all;
}

std::vector<std::byte> opening(std::uint32_t head, std::vector<std::uint64_t> attachments, std::size_t rest = 0,
                               lane in = lane::bulk) {
  std::vector<std::byte> payload;
  append(payload, head);
  append(payload, static_cast<std::uint32_t>(attachments.size()));
  for (const auto size : attachments) append(payload, size);
  payload.resize(payload.size() + rest);
  return frame({.type = frame_type::data, .opens_message = true, .lane = in}, payload);
}

}  // namespace

TEST_CASE("messages survive any way of cutting the stream") {
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  for (int round = 0; round < 30; ++round) {
    outbox out;
    std::vector<outgoing_message> sent;
    for (int i = 0; i < 6; ++i) {
      sent.push_back(random_message(random));
      need(out.push(sent.back()));
    }
    const std::size_t sizes[] = {1, 31, 32, 33, 1000, 65'536, 1'000'000};
    const auto stream = drain(out, SIZE_MAX, 1 + sizes[random.below(7)]);
    open_reader peer;
    need(peer.feed(stream, sizes[random.below(7)]));

    REQUIRE(peer.seen.messages.size() == sent.size());
    // Order holds within a lane; control comes first.
    std::stable_partition(sent.begin(), sent.end(), [](const auto& m) { return m.lane == lane::control; });
    for (std::size_t i = 0; i < sent.size(); ++i) {
      CHECK(same_content(sent[i], peer.seen.messages[i]));
      CHECK(is_aligned(peer.seen.messages[i]));
      CHECK(peer.seen.messages[i].lane == sent[i].lane);
    }
  }
}

TEST_CASE("a stream that ends anywhere is neither an error nor a message") {
  const auto stream = short_stream();
  for (std::size_t length = 0; length < stream.size(); ++length) {
    open_reader peer;
    need(peer.feed(std::span(stream).first(length)));
    CHECK(peer.seen.messages.empty());
  }
}

TEST_CASE("no single wrong byte passes the checksums") {
  const auto stream = short_stream();
  for (std::size_t place = 0; place < stream.size(); ++place) {
    for (const int change : {0x01, 0x80, 0xff}) {
      auto wrong = stream;
      wrong[place] ^= static_cast<std::byte>(change);
      open_reader peer;
      const auto outcome = peer.feed(wrong);
      INFO("byte " << place);
      REQUIRE_FALSE(outcome);
      CHECK(outcome.error().code() == errc::invalid_argument);
      CHECK(peer.seen.messages.empty());
    }
  }
}

TEST_CASE("frames that are well-formed but wrong are refused, each with its reason") {
  struct wrong_stream {
    std::vector<std::byte> bytes;
    std::string reason;
  };
  frame_header too_long{.type = frame_type::data};
  too_long.length = frame_payload_max + 1;
  const auto oversized = encode_header(too_long);
  auto late = frame({.type = frame_type::heartbeat, .sequence = 1}, std::vector<std::byte>(8));
  auto twice = opening(100, {});
  auto second = opening(100, {});
  second = frame({.type = frame_type::data, .opens_message = true, .lane = lane::bulk, .sequence = 1},
                 {second.begin() + frame_header_bytes, second.end()});
  twice.insert(twice.end(), second.begin(), second.end());

  const std::vector<wrong_stream> cases = {
      {{oversized.begin(), oversized.end()}, "announces 262113 bytes"},
      {late, "frame 1 arrives where frame 0 is expected"},
      {frame({.type = frame_type::hello}, std::vector<std::byte>(30)), "after the greeting"},
      {frame({.type = frame_type::heartbeat}, std::vector<std::byte>(9)), "at most 8 are allowed"},
      {frame({.type = frame_type::heartbeat}, {}), "a heartbeat has 0 bytes"},
      {frame({.type = frame_type::data, .lane = lane::bulk}, std::vector<std::byte>(8)), "has not begun"},
      {frame({.type = frame_type::data, .opens_message = true}, std::vector<std::byte>(7)), "begins with 7 bytes"},
      {opening(0, {}), "a head of 0 bytes"},
      {opening(limits::head_bytes_max + 1, {}), "a head of 16777217 bytes"},
      {opening(8, {0}), "attachment 0 of a message is empty"},
      {opening(8, {limits::message_bytes_max - 7}), "more than the 1073741824 bytes"},
      {opening(8, {UINT64_MAX, UINT64_MAX, 10}), "more than the 1073741824 bytes"},
      {opening(8, {limits::control_message_bytes_max}, 0, lane::control), "more than the 1048576 bytes"},
      {opening(8, {}, 9), "longer than it announced"},
      {twice, "begins before the one before it has ended"},
      {frame({.type = frame_type::data, .opens_message = true},
             {std::byte{8}, {}, {}, {}, std::byte{2}, {}, {}, {}, std::byte{1}}),
       "9 of the 24 bytes of its prologue"},
      {frame({.type = frame_type::data, .opens_message = true},
             {std::byte{8}, {}, {}, {}, {}, {}, {}, std::byte{0x80}}),
       "at most 16384 are allowed"},
  };
  for (const auto& one : cases) {
    open_reader peer;
    const auto outcome = peer.feed(one.bytes);
    INFO(one.reason);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code() == errc::invalid_argument);
    CHECK(outcome.error().message().find(one.reason) != std::string::npos);
    CHECK(peer.seen.messages.empty());
  }
}

TEST_CASE("whoever speaks another protocol is recognised by the first four bytes") {
  for (const std::string text : {"GET / HTTP/1.1\r\n\r\n", "GET ", "\x16\x03\x01\x02", "SSH-2.0-OpenSSH_9.2"}) {
    frame_reader reader;
    collector seen;
    std::copy_n(std::as_bytes(std::span(text)).begin(), text.size(), reader.space().begin());
    const auto outcome = reader.received(text.size(), seen);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().message().find("does not speak Troupe's protocol") != std::string::npos);
  }
}

TEST_CASE("before the greeting nothing but a short greeting is taken, and little memory") {
  for (const auto type : {frame_type::data, frame_type::heartbeat}) {
    frame_reader reader;
    collector seen;
    const auto raw = frame({.type = type}, std::vector<std::byte>(type == frame_type::heartbeat ? 8 : 0));
    std::copy(raw.begin(), raw.end(), reader.space().begin());
    CHECK_FALSE(reader.received(raw.size(), seen));
  }
  frame_reader reader;
  collector seen;
  CHECK(reader.buffer_bytes() <= 2048);
  auto raw = frame({.type = frame_type::hello}, std::vector<std::byte>(40));
  const auto behind = frame({.type = frame_type::heartbeat, .sequence = 1}, std::vector<std::byte>(8));
  raw.insert(raw.end(), behind.begin(), behind.end());
  std::copy(raw.begin(), raw.end(), reader.space().begin());
  need(reader.received(raw.size(), seen));
  CHECK(seen.hellos == 1);  // what follows waits until the greeting has been accepted
  reader.finish_greeting();
  need(reader.received(0, seen));
  CHECK(reader.space().size() >= limits::receive_chunk_bytes);
}

TEST_CASE("memory grows with what arrives, not with what is announced") {
  constexpr std::size_t announced = std::size_t{1} << 30;
  growing_buffer buffer(announced);
  CHECK(buffer.capacity() == 0);
  for (std::size_t arrived = 0; arrived < (std::size_t{40} << 20);) {
    const auto room = need(buffer.room(frame_payload_max));
    CHECK(buffer.capacity() <= 2 * arrived + frame_payload_max);
    CHECK(reinterpret_cast<std::uintptr_t>(room.data() - arrived) % 64 == 0);
    std::memset(room.data(), static_cast<int>(arrived / frame_payload_max), room.size());
    buffer.commit(room.size());
    arrived += room.size();
  }
  growing_buffer exact(1000);
  need(exact.room(1000));
  exact.commit(1000);
  CHECK(exact.capacity() == 1000);
  CHECK(exact.take().size == 1000);
}

TEST_CASE("mutated streams never crash the reader and never deliver what was not sent") {
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  outbox out;
  std::vector<outgoing_message> sent;
  for (int i = 0; i < 3; ++i) {
    sent.push_back(
        {random_blob(100, random.next()), {random_blob(700, random.next())}, i == 0 ? lane::control : lane::bulk});
    need(out.push(sent.back()));
  }
  const auto stream = drain(out);
  for (int round = 0; round < 20'000; ++round) {
    auto wrong = stream;
    switch (random.below(4)) {
      case 0: wrong[random.below(wrong.size())] ^= static_cast<std::byte>(1 + random.below(255)); break;
      case 1: wrong.erase(wrong.begin() + static_cast<std::ptrdiff_t>(random.below(wrong.size()))); break;
      case 2:
        wrong.insert(wrong.begin() + static_cast<std::ptrdiff_t>(random.below(wrong.size())), std::byte(random.next()));
        break;
      default:
        std::swap_ranges(wrong.begin(), wrong.begin() + 64,
                         wrong.begin() + static_cast<std::ptrdiff_t>(64 + random.below(wrong.size() - 128)));
        break;
    }
    open_reader peer;
    static_cast<void>(peer.feed(wrong, 1 + random.below(2000)));
    REQUIRE(peer.seen.messages.size() <= sent.size());
    for (std::size_t i = 0; i < peer.seen.messages.size(); ++i) REQUIRE(same_content(sent[i], peer.seen.messages[i]));
  }
}
