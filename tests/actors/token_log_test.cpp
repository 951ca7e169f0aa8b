#include "token_log.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "crc32c.hpp"
#include "support/check.hpp"
#include "support/random_source.hpp"
#include "support/simulated_disk.hpp"
#include "support/temporary_folder.hpp"
#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

const fingerprint_chain prints{content_hash{{1, 2, 3}}};

logged_stream asked(std::uint64_t id, std::vector<token_id> prompt) {
  logged_stream made;
  made.id = {7, id};
  made.owner.bytes[3] = std::byte{9};
  made.request.tokens = std::move(prompt);
  made.request.stops = {"stop"};
  made.request.sampling.temperature = 0.75;
  made.request.sampling.seed = id;
  made.request.tokens_max = 50;
  return made;
}

/// Writes streams as a server does, and remembers them.
struct scribe {
  token_log log;
  std::map<stream_number, logged_stream> streams;
  std::map<stream_number, std::uint64_t> last;

  void accept(stream_number which, logged_stream stream) {
    last[which] = need(prints.begin(stream.request.tokens));
    log.accept(which, stream);
    streams[which] = std::move(stream);
  }
  void add(stream_number which, token_id token) {
    logged_stream& stream = streams.at(which);
    last[which] = need(prints.next(last[which], token));
    log.add(which, static_cast<std::uint32_t>(stream.tokens.size()), token, last[which]);
    stream.tokens.push_back(token);
  }
  void end(stream_number which, stream_finish how, std::string why = {}) {
    logged_stream& stream = streams.at(which);
    stream.finished = how;
    stream.failure = std::move(why);
    log.end(which, stream);
  }
  /// Two streams, one of which ends, 12 records in all.
  void write_sample() {
    accept(1, asked(1, {1, 2, 3}));
    accept(5, asked(2, {4}));
    for (token_id token = 0; token < 5; ++token) {
      add(1, 100 + token);
      log.flush();
      if (token < 4) add(5, 200 + token);
    }
    end(5, stream_finish::failed, "the device is gone");
    log.flush();
  }
};

scribe on(const std::shared_ptr<disk_contents>& disk) {
  return {need(token_log::open(std::make_unique<simulated_disk>(disk), prints)).log, {}, {}};
}

/// `read` is what `written` was at some time: the same streams, or fewer, with the same tokens, or fewer.
void check_prefix(const log_contents& read, const std::map<stream_number, logged_stream>& written) {
  for (const auto& [number, stream] : read.streams) {
    REQUIRE(written.contains(number));
    const logged_stream& original = written.at(number);
    REQUIRE(stream.id == original.id);
    REQUIRE(stream.owner == original.owner);
    REQUIRE(stream.request.tokens == original.request.tokens);
    REQUIRE(stream.request.stops == original.request.stops);
    REQUIRE(stream.request.sampling.temperature == original.request.sampling.temperature);
    REQUIRE(stream.request.sampling.seed == original.request.sampling.seed);
    REQUIRE(stream.tokens.size() <= original.tokens.size());
    REQUIRE(std::equal(stream.tokens.begin(), stream.tokens.end(), original.tokens.begin()));
    if (stream.finished != stream_finish::none) {
      REQUIRE(stream.finished == original.finished);
      REQUIRE(stream.failure == original.failure);
      REQUIRE(stream.tokens.size() == original.tokens.size());
    }
  }
}

void check_whole(const log_contents& read, const std::map<stream_number, logged_stream>& written) {
  check_prefix(read, written);
  REQUIRE(read.streams.size() == written.size());
  for (const auto& [number, stream] : written) {
    CHECK(read.streams.at(number).tokens == stream.tokens);
    CHECK(read.streams.at(number).finished == stream.finished);
  }
}

}  // namespace

TEST_CASE("the checksum is that of the standard", "[streams][token_log]") {
  const std::string digits = "123456789";
  CHECK(crc32c(std::as_bytes(std::span(digits))) == 0xe3069283u);  // the check value that catalogues of CRCs give
  const std::vector<std::byte> zeros(32);
  CHECK(crc32c(zeros) == 0x8a9136aau);  // RFC 3720, B.4
}

TEST_CASE("fingerprints depend on the model, the prompt and every token", "[streams][token_log]") {
  const fingerprint_chain other{content_hash{{1, 2, 4}}};
  const std::vector<token_id> prompt{1, 2}, longer{1, 2, 3};
  const auto begin = need(prints.begin(prompt));
  CHECK(begin == need(prints.begin(prompt)));
  CHECK(begin != need(other.begin(prompt)));
  CHECK(begin != need(prints.begin(longer)));
  CHECK(need(prints.next(begin, 5)) != need(prints.next(begin, 6)));
  CHECK(need(prints.next(begin, 5)) != need(other.next(begin, 5)));
  CHECK(need(prints.next(begin, 5)) != need(prints.next(begin + 1, 5)));
}

TEST_CASE("a log gives back what was written, also after it was tidied", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.write_sample();
  CHECK(writer.log.durable());
  check_whole(need(read_log(disk->bytes, prints)), writer.streams);

  auto again = need(token_log::open(std::make_unique<simulated_disk>(disk), prints));
  check_whole(again.contents, writer.streams);
  CHECK(again.contents.bytes_dropped == 0);
  writer.streams.erase(5);
  again.log.tidy(writer.streams, prints);
  check_whole(need(read_log(disk->bytes, prints)), writer.streams);
}

TEST_CASE("a request is on the disk for good before it is answered; tokens need not be", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.accept(1, asked(1, {1}));
  writer.log.flush();
  CHECK(disk->syncs == 1);
  writer.add(1, 5);
  writer.log.flush();
  CHECK(disk->syncs == 1);
}

TEST_CASE("a log torn at any byte gives its longest sound prefix", "[streams][token_log][S8]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.write_sample();
  const auto whole = disk->bytes;
  std::size_t tokens_before = 0, used_before = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const auto read = need(read_log(std::span(whole).first(length), prints));
    check_prefix(read, writer.streams);
    std::size_t tokens = 0;
    for (const auto& [number, stream] : read.streams) tokens += stream.tokens.size();
    REQUIRE(tokens >= tokens_before);
    REQUIRE(read.bytes_used >= used_before);
    REQUIRE(read.bytes_used + read.bytes_dropped == length);
    tokens_before = tokens;
    used_before = read.bytes_used;
  }
  CHECK(tokens_before == 9);
  CHECK(used_before == whole.size());
}

TEST_CASE("a flipped bit anywhere costs what follows it, and nothing else", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.write_sample();
  for (std::size_t at = 0; at < disk->bytes.size(); ++at) {
    const auto bit = static_cast<std::byte>(1u << (at % 8));
    disk->bytes[at] ^= bit;
    // The first eight bytes say what kind of file it is: without them it may be anybody's.
    const auto read = read_log(disk->bytes, prints);
    REQUIRE(read.has_value() == (at >= 8));
    if (read) {
      check_prefix(*read, writer.streams);
      REQUIRE(read->bytes_used <= std::max<std::size_t>(at, 0));
    }
    disk->bytes[at] ^= bit;
  }
}

TEST_CASE("records that contradict those before them end the log", "[streams][token_log]") {
  const auto reread = [](auto write) {
    const auto disk = std::make_shared<disk_contents>();
    scribe writer = on(disk);
    writer.accept(1, asked(1, {1}));
    writer.add(1, 10);
    write(writer);
    writer.log.flush();
    const auto read = need(read_log(disk->bytes, prints));
    CHECK(read.streams.size() == 1);
    CHECK(read.streams.at(1).tokens == std::vector<token_id>{10});
    return read.bytes_dropped > 0;
  };
  CHECK_FALSE(reread([](scribe&) {}));
  CHECK(reread([](scribe& it) { it.log.add(1, 2, 11, 0); }));                                  // a gap
  CHECK(reread([](scribe& it) { it.log.add(1, 0, 10, it.last[1]); }));                         // a repetition
  CHECK(reread([](scribe& it) { it.log.add(1, 1, 11, it.last[1]); }));                         // a wrong fingerprint
  CHECK(reread([](scribe& it) { it.log.add(2, 0, 11, 5); }));                                  // nobody's
  CHECK(reread([](scribe& it) { it.log.add(1, 1, -4, need(prints.next(it.last[1], -4))); }));  // no token
  CHECK(reread([](scribe& it) { it.log.accept(1, asked(3, {1})); }));                          // the number twice
  CHECK(reread([](scribe& it) { it.log.accept(2, asked(1, {1})); }));  // the id of one that goes on
  CHECK(reread([](scribe& it) { it.log.accept(2, asked(2, {})); }));   // no prompt
  CHECK(reread([](scribe& it) { it.log.end(2, it.streams.at(1)); }));  // nobody's end
  CHECK(reread([](scribe& it) { it.log.end(1, it.streams.at(1)); }));  // an end that is none
}

TEST_CASE("an id can begin anew once its stream has ended", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.accept(1, asked(1, {1}));
  writer.add(1, 10);
  writer.end(1, stream_finish::cancelled);
  writer.accept(2, asked(1, {1, 2}));
  writer.add(2, 20);
  writer.log.flush();
  const auto read = need(read_log(disk->bytes, prints));
  CHECK(read.bytes_dropped == 0);
  writer.streams.erase(1);
  check_whole(read, writer.streams);
}

TEST_CASE("the log of another model, or a file that is no log, is left alone", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  on(disk).write_sample();
  const auto before = disk->bytes;
  const fingerprint_chain other{content_hash{{9}}};
  const auto refused = token_log::open(std::make_unique<simulated_disk>(disk), other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == errc::invalid_argument);
  CHECK(refused.error().message().find("another model") != std::string::npos);
  CHECK(disk->bytes == before);
  disk->bytes.assign(100, std::byte{'x'});
  const auto stranger = token_log::open(std::make_unique<simulated_disk>(disk), prints);
  REQUIRE_FALSE(stranger);
  CHECK(stranger.error().message().find("no log of streams") != std::string::npos);
}

TEST_CASE("whatever stands in a log, reading it ends", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  writer.write_sample();
  const auto seed = seed_of_this_run();
  INFO("TROUPE_TEST_SEED=" << seed);
  random_source random(seed);
  for (int round = 0; round < 3000; ++round) {
    auto bytes = disk->bytes;
    // Behind the header; with checksums that fit, so that the records themselves are read.
    for (std::size_t at = 44; at + 8 <= bytes.size();) {
      std::uint32_t length = 0;
      std::memcpy(&length, bytes.data() + at, 4);
      const auto body = std::span(bytes).subspan(at + 8, length);
      if (random.below(6) == 0) body[random.below(body.size())] = static_cast<std::byte>(random.next());
      const std::uint32_t sum = crc32c(body);
      std::memcpy(bytes.data() + at + 4, &sum, 4);
      at += 8 + length;
    }
    const auto read = read_log(bytes, prints);
    REQUIRE(read);
    REQUIRE(read->bytes_used + read->bytes_dropped == bytes.size());
  }
}

TEST_CASE("after the first failure of the disk nothing is claimed, and what was written can be read",
          "[streams][token_log][S7]") {
  const auto sound = std::make_shared<disk_contents>();
  on(sound).write_sample();
  for (std::size_t fails_at = 0; fails_at <= sound->calls; ++fails_at) {
    const auto disk = std::make_shared<disk_contents>();
    disk->fails_at = fails_at;
    auto opened = token_log::open(std::make_unique<simulated_disk>(disk), prints);
    if (fails_at < 2) {  // the first reading and writing: refused at the start
      REQUIRE_FALSE(opened);
      continue;
    }
    scribe writer{std::move(need(std::move(opened)).log), {}, {}};
    writer.write_sample();
    CHECK(writer.log.durable() == (fails_at == sound->calls));
    CHECK(writer.log.failure().has_value() == (fails_at != sound->calls));
    check_prefix(need(read_log(disk->bytes, prints)), writer.streams);
    const auto calls = disk->calls;
    if (!writer.log.durable()) {
      writer.add(1, 4);
      writer.log.flush();
      CHECK(disk->calls == calls);
      CHECK_FALSE(writer.log.wants_tidying());
    }
  }
}

TEST_CASE("a log that grows asks to be tidied", "[streams][token_log]") {
  const auto disk = std::make_shared<disk_contents>();
  scribe writer = on(disk);
  std::size_t written = 0;
  while (!writer.log.wants_tidying()) {
    REQUIRE(++written < 100'000);
    writer.accept(1, asked(written, std::vector<token_id>(1000)));
    writer.log.flush();
  }
  CHECK(disk->bytes.size() > (std::size_t{4} << 20));
  writer.streams.clear();
  writer.log.tidy(writer.streams, prints);
  CHECK_FALSE(writer.log.wants_tidying());
  CHECK(disk->bytes.size() < 100);
}

TEST_CASE("a log that would become too large to be read is given up before", "[streams][token_log]") {
  /// Counts what a disk would hold.
  struct scale final : log_disk {
    struct file final : log_file {
      explicit file(std::size_t& bytes) : bytes_(bytes) {}
      result<void> append(std::span<const std::byte> more) override {
        bytes_ += more.size();
        return {};
      }
      result<void> sync() override { return {}; }
      std::size_t& bytes_;
    };
    explicit scale(std::size_t& bytes) : bytes_(bytes) {}
    result<std::vector<std::byte>> read(std::size_t) override { return std::vector<std::byte>(); }
    result<std::unique_ptr<log_file>> replace(std::span<const std::byte> contents) override {
      bytes_ = contents.size();
      return std::unique_ptr<log_file>(std::make_unique<file>(bytes_));
    }
    std::size_t& bytes_;
  };
  std::size_t bytes = 0;
  token_log log = need(token_log::open(std::make_unique<scale>(bytes), prints)).log;
  const logged_stream large = asked(1, std::vector<token_id>(limits::stream_tokens_max, 1));
  stream_number which = 0;
  for (; log.durable() && which < 100; ++which) {
    log.accept(which, large);
    log.flush();
  }
  CHECK_FALSE(log.durable());
  REQUIRE(log.failure());
  CHECK(log.failure()->message().find("limit") != std::string::npos);
  CHECK(which > 60);
  CHECK(bytes <= log_bytes_max);
}

TEST_CASE("a real folder keeps a log for one process at a time", "[streams][token_log]") {
  const temporary_folder folder;
  {
    scribe writer{need(token_log::open(need(open_log_folder(folder.path() / "log")), prints)).log, {}, {}};
    writer.write_sample();
    const auto second = open_log_folder(folder.path() / "log");
    REQUIRE_FALSE(second);
    CHECK(second.error().code() == errc::unavailable);
    CHECK(second.error().message().find("another process") != std::string::npos);
  }
  // Torn by hand: the next start takes what is whole, and tidies.
  const auto name = folder.path() / "log" / "streams.log";
  std::ofstream(name, std::ios::app | std::ios::binary) << "torn";
  const auto opened = need(token_log::open(need(open_log_folder(folder.path() / "log")), prints));
  CHECK(opened.contents.streams.size() == 2);
  CHECK(opened.contents.bytes_dropped == 4);
}

TEST_CASE("a log is its owner's alone, whatever a start that failed has left", "[streams][token_log]") {
  const temporary_folder folder;
  const auto fresh = folder.path() / "streams.log.new";
  std::ofstream(fresh) << "left";
  std::filesystem::permissions(fresh, std::filesystem::perms(0644));
  const auto opened = need(token_log::open(need(open_log_folder(folder.path())), prints));
  CHECK(std::filesystem::status(folder.path() / "streams.log").permissions() == std::filesystem::perms(0600));
}
