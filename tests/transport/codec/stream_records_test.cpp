#include <cmath>
#include <cstring>

#include "forge.hpp"
#include "troupe/engine/limits.hpp"
#include "troupe/transport/limits.hpp"

using namespace troupe;
using namespace troupe::wire;
using namespace troupe::test;

namespace {

bool refused(body record) {
  return !encode({envelope_kind::message, 0, 2, {}, std::move(record)});
}

open_stream sound_request() {
  open_stream made{{1, 2}, 0, 0, {}};
  made.request.text = "Once upon a time";
  return made;
}

/// Encoded, then `spoil` overwrites one 8-byte word of the head that equals `from` with `to`.
bool spoilt_is_refused(const body& record, std::uint64_t from, std::uint64_t to) {
  const auto sent = need(encode({envelope_kind::message, 0, 2, {}, record}));
  std::vector<std::byte> head(sent.head.bytes().begin(), sent.head.bytes().end());
  std::size_t found = 0;
  for (std::size_t at = 0; at + 8 <= head.size(); at += 8)
    if (std::memcmp(head.data() + at, &from, 8) == 0) {
      std::memcpy(head.data() + at, &to, 8);
      ++found;
    }
  REQUIRE(found == 1);
  return !decode({aligned_blob(head), {}, sent.lane});
}

}  // namespace

TEST_CASE("a request for a stream keeps every field on its way", "[streams]") {
  open_stream sent = sound_request();
  sent.next_index = 17;
  sent.fingerprint = 18;
  sent.request.layout = "auto";
  sent.request.system = std::string("a\0b", 3);
  sent.request.add_special = false;
  sent.request.ignore_end = true;
  sent.request.tokens_max = 19;
  sent.request.sampling = {.temperature = 0.5,
                           .top_k = 1,
                           .top_p = 0.25,
                           .min_p = 0.125,
                           .repetition_penalty = 1.5,
                           .frequency_penalty = -1,
                           .presence_penalty = 2,
                           .penalty_window = 3,
                           .bias = {},
                           .seed = 4};
  sent.request.stops = {"x", "yz"};
  sent.request.deadline = std::chrono::milliseconds(1234);
  const auto got =
      std::get<open_stream>(need(decode(arrive(need(encode({envelope_kind::message, 0, 2, {}, sent}))))).body);
  CHECK(got.id == sent.id);
  CHECK(got.next_index == 17);
  CHECK(got.fingerprint == 18);
  CHECK(got.request.text == sent.request.text);
  CHECK(got.request.layout == "auto");
  CHECK(got.request.system == sent.request.system);
  CHECK_FALSE(got.request.add_special);
  CHECK(got.request.ignore_end);
  CHECK(got.request.tokens_max == 19);
  CHECK(got.request.sampling.temperature == 0.5);
  CHECK(got.request.sampling.top_k == 1);
  CHECK(got.request.sampling.top_p == 0.25);
  CHECK(got.request.sampling.min_p == 0.125);
  CHECK(got.request.sampling.repetition_penalty == 1.5);
  CHECK(got.request.sampling.frequency_penalty == -1);
  CHECK(got.request.sampling.presence_penalty == 2);
  CHECK(got.request.sampling.penalty_window == 3);
  CHECK(got.request.sampling.seed == 4);
  CHECK(got.request.stops == sent.request.stops);
  CHECK(got.request.deadline == sent.request.deadline);
}

TEST_CASE("requests for streams that nobody can serve are refused on their way", "[streams]") {
  CHECK_FALSE(refused(sound_request()));
  const auto with = [](auto change) {
    open_stream made = sound_request();
    change(made);
    return made;
  };
  CHECK(refused(with([](open_stream& it) { it.id = {}; })));
  CHECK(refused(with([](open_stream& it) { it.request.tokens = {1, -1}; })));
  CHECK(refused(with([](open_stream& it) { it.request.tokens.resize(limits::stream_tokens_max + 1); })));
  CHECK(refused(with([](open_stream& it) { it.request.text.resize(limits::stream_text_bytes_max + 1); })));
  CHECK(refused(with([](open_stream& it) { it.request.stops.resize(limits::stop_strings_max + 1); })));
  CHECK(refused(with([](open_stream& it) { it.request.stops = {std::string(limits::stop_bytes_max + 1, 'x')}; })));
  CHECK(refused(with([](open_stream& it) { it.request.sampling.temperature = std::nan(""); })));
  CHECK(refused(with([](open_stream& it) { it.request.sampling.min_p = HUGE_VAL; })));
  CHECK(refused(with([](open_stream& it) { it.request.tokens_max = 0; })));
  CHECK(refused(with([](open_stream& it) { it.request.deadline = std::chrono::milliseconds(0); })));
  CHECK(refused(stream_ack{{}, 1, false}));
}

TEST_CASE("parts of streams that nobody sends are refused", "[streams]") {
  const stream_part sound{{1, 2}, 3, {4, 5}, "six", 7, 8, true, stream_finish::end, {errc::internal, ""}, 0};
  CHECK_FALSE(refused(sound));
  stream_part changed = sound;
  changed.tokens.assign(limits::stream_part_tokens_max + 1, 1);
  CHECK(refused(changed));
  changed = sound;
  changed.text.resize(limits::stream_part_bytes_max + 1);
  CHECK(refused(changed));
  changed = sound;
  changed.finished = static_cast<stream_finish>(200);
  CHECK(refused(changed));
  changed = sound;
  changed.first = 0xffffffffu;
  CHECK(refused(changed));
}

TEST_CASE("a decoder of streams believes no number of its peer", "[streams]") {
  open_stream asked = sound_request();
  asked.request.sampling.temperature = 0.3125;
  std::uint64_t bits = 0;
  const double finite = 0.3125, infinite = HUGE_VAL;
  std::uint64_t other = 0;
  std::memcpy(&bits, &finite, 8);
  std::memcpy(&other, &infinite, 8);
  CHECK(spoilt_is_refused(asked, bits, other));
  asked.id = {0, 0x7766554433221100u};
  CHECK(spoilt_is_refused(asked, 0x7766554433221100u, 0));
}
