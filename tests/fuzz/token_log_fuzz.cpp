// Logs of streams. The first byte of an input says whether its checksums are made right first, so that changes get past
// them.
#include "token_log.hpp"

#include "crc32c.hpp"
#include "fuzz_target.hpp"
#include "support/need.hpp"

namespace troupe::test {
namespace {

constexpr std::byte as_it_is{0}, checksums_made_right{1};
constexpr std::size_t header_bytes = 44;

const fingerprint_chain prints{content_hash{{1, 2, 3}}};

std::map<stream_number, logged_stream> sample_streams() {
  std::map<stream_number, logged_stream> made;
  for (const stream_number number : {1u, 5u}) {
    logged_stream& stream = made[number];
    stream.id = {7, number};
    stream.request.tokens = {1, 2, 3};
    stream.request.stops = {"stop"};
    stream.request.tokens_max = 50;
    stream.tokens = {10, 11, 12};
  }
  made[5].finished = stream_finish::failed;
  made[5].failure = "the device is gone";
  return made;
}

std::uint32_t number_at(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

void put_checksum(std::span<std::byte> at, std::span<const std::byte> of) {
  const std::uint32_t value = crc32c(of);
  for (std::size_t i = 0; i < 4; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

void make_right(std::span<std::byte> log) {
  if (log.size() < header_bytes) return;
  put_checksum(log.subspan(header_bytes - 4), log.first(header_bytes - 4));
  for (log = log.subspan(header_bytes); log.size() >= 8;) {
    const std::size_t length = number_at(log);
    if (length > log.size() - 8) return;
    put_checksum(log.subspan(4), log.subspan(8, length));
    log = log.subspan(8 + length);
  }
}

}  // namespace

std::vector<fuzz_seed> fuzz_seeds() {
  std::vector<fuzz_seed> seeds;
  const auto log = need(write_log(sample_streams(), prints));
  for (const std::byte how : {as_it_is, checksums_made_right}) {
    fuzz_seed seed{how == as_it_is ? "log" : "log_made_right", {how}, {}};
    seed.bytes.insert(seed.bytes.end(), log.begin(), log.end());
    // Lengths, kinds and numbers of records.
    for (std::size_t at = 1 + header_bytes; at + 8 <= seed.bytes.size();
         at += 8 + number_at(std::span(seed.bytes).subspan(at)))
      seed.boundaries.insert(seed.boundaries.end(), {at, at + 8, at + 9, at + 13});
    seeds.push_back(std::move(seed));
  }
  std::vector<std::byte> promise(1 + header_bytes + 8, std::byte{0xff});
  std::copy_n(log.begin(), header_bytes, promise.begin() + 1);
  seeds.push_back({"record_of_4_gib", promise});
  return seeds;
}

bool fuzz_once(std::span<const std::byte> input) {
  if (input.empty()) return false;
  std::vector<std::byte> log(input.begin() + 1, input.end());
  if ((input[0] & std::byte{1}) == checksums_made_right) make_right(log);
  const auto read = read_log(log, prints);
  if (!read) return false;
  fuzz_require(read->bytes_used + read->bytes_dropped == log.size(),
               "what is used and dropped of a log is not all of it");
  const auto tidy = write_log(read->streams, prints);
  fuzz_require(tidy.has_value(), "a log that was read cannot be written");
  const auto again = read_log(*tidy, prints);
  fuzz_require(again && again->bytes_dropped == 0 && again->streams.size() == read->streams.size(),
               "a tidy log is not read whole");
  for (const auto& [number, stream] : read->streams)
    fuzz_require(again->streams.contains(number) && again->streams.at(number).tokens == stream.tokens,
                 "tokens are lost when a log is tidied");
  return true;
}

std::size_t fuzz_allowance(std::size_t input_bytes) {
  return 64 * input_bytes + 131'072;  // read, written and read again
}

}  // namespace troupe::test
