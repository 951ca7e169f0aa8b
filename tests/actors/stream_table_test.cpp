#include "stream_table.hpp"

#include <set>

#include "support/check.hpp"
#include "support/simulated_disk.hpp"
#include "support/small_vocabulary.hpp"
#include "support/transport.hpp"

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t context = 64;
const fingerprint_chain prints{content_hash{{1}}};

/// The "model": which token comes after these, whatever else happens.
token_id next_of(std::span<const token_id> tokens, std::uint64_t seed) {
  std::uint64_t mixed = seed;
  for (const token_id token : tokens) mixed = random_source(mixed ^ static_cast<std::uint64_t>(token)).next();
  return static_cast<token_id>(33 + mixed % 50);  // printable letters: none ends a text
}

std::vector<token_id> expected_tokens(const stream_request& asked) {
  std::vector<token_id> all = asked.tokens;
  for (std::uint32_t i = 0; i < asked.tokens_max; ++i) all.push_back(next_of(all, asked.sampling.seed));
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(asked.tokens.size()));
  return all;
}

wire::open_stream asked(std::uint64_t id, std::uint32_t tokens_max = 20) {
  wire::open_stream made{{1, id}, 0, 0, {}};
  made.request.tokens = {1, 2, static_cast<token_id>(id)};
  made.request.tokens_max = tokens_max;
  made.request.sampling.seed = id;
  made.request.deadline = 1h;
  return made;
}

/// A table with a disk that outlives it, and a generator that makes one token for each session it was told to.
struct world {
  std::shared_ptr<disk_contents> disk = std::make_shared<disk_contents>();
  stream_limits limits{.streams_max = 4, .window = 8, .patience = 60s};
  time_point now = steady_clock::now();
  std::optional<stream_table> table;
  std::map<stream_number, std::pair<std::vector<token_id>, stream_table::start>> working;
  std::uint64_t made = 0;

  world() { boot(); }

  /// As after a crash: all that is left is the disk.
  void boot() {
    working.clear();
    auto opened = need(token_log::open(std::make_unique<simulated_disk>(disk), prints));
    table.emplace(need(tokenizer::make(byte_pair_words())), context, prints, std::move(opened.log),
                  std::move(opened.contents), limits, now);
  }

  void change() {
    auto wanted = table->take_changes();
    for (const auto which : wanted.stops) working.erase(which);
    for (auto& start : wanted.starts) {
      auto tokens = start.tokens;
      working.emplace(start.which, std::pair(std::move(tokens), std::move(start)));
    }
  }

  /// One token for each session that works.
  void step() {
    table->tick(now);
    change();
    for (auto& [which, each] : working) {
      const token_id token = next_of(each.first, each.second.options.sampling.seed);
      each.first.push_back(token);
      table->add(which, token, now);
      ++made;
    }
    change();
  }

  std::vector<stream_table::letter> letters() { return table->take_letters(); }
};

/// A client's view: checks that nothing is repeated or left out.
struct reader {
  wire::open_stream request;
  client_id self;
  std::vector<token_id> tokens;
  std::string text;
  std::uint64_t fingerprint = 0;
  stream_finish finished = stream_finish::none;
  error failure{errc::internal, ""};
  int ends = 0;
  bool durable = false;

  void take(const std::vector<stream_table::letter>& all) {
    for (const auto& [to, part] : all) {
      if (to != self || part.id != request.id) continue;
      if (!part.tokens.empty()) REQUIRE(part.first == tokens.size());
      tokens.insert(tokens.end(), part.tokens.begin(), part.tokens.end());
      text += part.text;
      fingerprint = part.fingerprint;
      durable = part.durable;
      if (part.finished == stream_finish::none) continue;
      finished = part.finished;
      failure = part.failure;
      ++ends;
    }
  }
  void open(world& at) {
    auto again = request;
    again.next_index = static_cast<std::uint32_t>(tokens.size());
    again.fingerprint = fingerprint;
    at.table->open(self, {}, again, at.now);
  }
  void ack(world& at, bool cancel = false) {
    at.table->ack(self, {request.id, static_cast<std::uint32_t>(tokens.size()), cancel}, at.now);
  }
};

void run(world& at, reader& who, int steps = 100) {
  for (int i = 0; i < steps && who.finished == stream_finish::none; ++i) {
    at.step();
    who.take(at.letters());
    who.ack(at);
  }
}

}  // namespace

TEST_CASE("a stream has its tokens, its text and one end", "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  run(at, who);
  CHECK(who.finished == stream_finish::length);
  CHECK(who.ends == 1);
  CHECK(who.durable);
  CHECK(who.tokens == expected_tokens(who.request.request));
  CHECK(who.text.size() == who.tokens.size());
  at.step();
  CHECK(at.letters().empty());
  CHECK(at.table->live() == 0);
}

TEST_CASE("a token is in the log before its reader has it", "[streams][stream_table][I16]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  while (who.finished == stream_finish::none) {
    at.step();
    const auto letters = at.letters();
    const auto held = need(read_log(at.disk->bytes, prints)).streams;  // what a crash at this moment leaves
    who.take(letters);
    who.ack(at);
    REQUIRE(held.size() == 1);
    REQUIRE(held.begin()->second.tokens == who.tokens);
    REQUIRE(held.begin()->second.finished == who.finished);
  }
}

TEST_CASE("a reader that does not read pauses its stream alone, and is given up after its time",
          "[streams][stream_table][C2]") {
  world at;
  reader slow{asked(1, 40), 1}, quick{asked(2, 40), 2};
  slow.open(at);
  quick.open(at);
  for (int i = 0; i < 60; ++i) {
    at.step();
    const auto letters = at.letters();
    slow.take(letters);
    quick.take(letters);
    quick.ack(at);
  }
  CHECK(quick.finished == stream_finish::length);
  CHECK(slow.tokens.size() == at.limits.window);
  CHECK(slow.finished == stream_finish::none);
  // It reads on, and the stream with it.
  at.now += 59s;
  slow.ack(at);
  at.step();
  slow.take(at.letters());
  CHECK(slow.tokens.size() == at.limits.window + 1);
  for (int i = 0; i < 20; ++i) at.step();
  at.now += 61s;
  at.step();
  slow.take(at.letters());
  CHECK(slow.finished == stream_finish::cancelled);
  CHECK(slow.ends == 1);
}

TEST_CASE("work for a reader that is gone stops at once, and goes on when it comes back",
          "[streams][stream_table][C1]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  for (int i = 0; i < 3; ++i) at.step();
  who.take(at.letters());
  at.table->leave(1);
  at.step();
  const auto made = at.made;
  for (int i = 0; i < 5; ++i) at.step();
  CHECK(at.made == made);
  at.now += 59s;
  at.step();
  who.self = 7;
  who.open(at);
  run(at, who);
  CHECK(who.tokens == expected_tokens(who.request.request));
  CHECK(who.ends == 1);
}

TEST_CASE("a stream that the generator has no room for is begun later", "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  const auto first = at.table->take_changes().starts;
  REQUIRE(first.size() == 1);
  CHECK(at.table->take_changes().starts.empty());
  at.table->postpone(first[0].which);
  CHECK(at.table->live() == 1);
  run(at, who);
  CHECK(who.tokens == expected_tokens(who.request.request));
}

TEST_CASE("a stream that nobody comes back for is forgotten", "[streams][stream_table][C1]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  at.step();
  at.table->leave(1);
  at.step();
  at.now += 61s;
  at.step();
  CHECK(at.table->live() == 0);
  at.letters();
  CHECK(need(read_log(at.disk->bytes, prints)).streams.begin()->second.finished == stream_finish::cancelled);
}

TEST_CASE("cancelling frees at once and is answered once", "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  at.step();
  who.take(at.letters());
  who.ack(at, true);
  CHECK(at.table->live() == 0);
  at.change();
  CHECK(at.working.empty());
  who.take(at.letters());
  CHECK(who.finished == stream_finish::cancelled);
  who.ack(at, true);
  at.step();
  who.take(at.letters());
  CHECK(who.ends == 1);
  // Nobody can come back for it: the id begins anew.
  reader again{asked(1), 2};
  again.open(at);
  run(at, again, 3);
  at.boot();
  again.self = 3;
  again.open(at);
  run(at, again);
  CHECK(again.finished == stream_finish::length);
  CHECK(again.tokens == expected_tokens(again.request.request));
  CHECK(need(read_log(at.disk->bytes, prints)).bytes_dropped == 0);
}

TEST_CASE("one stream too many is refused, by type, and the others do not notice", "[streams][stream_table][A5]") {
  world at;
  std::vector<reader> readers;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    readers.push_back({asked(i), i});
    readers.back().open(at);
  }
  const auto letters = at.letters();
  for (reader& each : readers) each.take(letters);
  CHECK(readers.back().finished == stream_finish::overloaded);
  CHECK(letters.front().part.retry_after_ms > 0);
  for (int i = 0; i < 40; ++i) {
    at.step();
    const auto more = at.letters();
    for (reader& each : readers) {
      each.take(more);
      if (each.finished == stream_finish::none) each.ack(at);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(readers[i].tokens == expected_tokens(readers[i].request.request));
  CHECK(readers.back().ends == 1);
}

TEST_CASE("streams that are opened and withdrawn at once are refused before they fill the memory",
          "[streams][stream_table]") {
  world at;
  std::size_t refused = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    reader who{asked(i), 1};
    who.open(at);
    who.ack(at, true);
    who.take(at.letters());
    refused += who.finished == stream_finish::overloaded ? 1 : 0;
  }
  CHECK(refused == 80);
  at.step();
  reader who{asked(200), 1};
  who.open(at);
  run(at, who);
  CHECK(who.finished == stream_finish::length);
}

TEST_CASE("requests that cannot be served are refused with what is wrong", "[streams][stream_table]") {
  world at;
  const auto refused = [&](auto change) {
    reader who{asked(1), 1};
    change(who.request.request);
    who.open(at);
    who.take(at.letters());
    CHECK(who.finished == stream_finish::failed);
    CHECK(at.table->live() == 0);
    return who.failure.message();
  };
  CHECK(refused([](auto& it) { it.tokens.assign(context + 1, 1); }).find("context is 64") != std::string::npos);
  CHECK(refused([](auto& it) { it.tokens = {9999}; }).find("9999") != std::string::npos);
  CHECK(refused([](auto& it) { it.sampling.temperature = -1; }).find("temperature") != std::string::npos);
  CHECK_FALSE(refused([](auto& it) { it.stops = {""}; }).empty());
  CHECK_FALSE(refused([](auto& it) { it.tokens.clear(), it.layout = "nonsense", it.text = "x"; }).empty());
}

TEST_CASE("a stream stops before its stop string, at the end of the context and at its deadline",
          "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  run(at, who);
  // The same with a stop string that is in the middle of the text.
  reader stopped{asked(2), 2};
  stopped.request.request = who.request.request;
  stopped.request.request.stops = {who.text.substr(9, 3)};
  stopped.open(at);
  run(at, stopped);
  CHECK(stopped.finished == stream_finish::stop);
  CHECK(stopped.text == who.text.substr(0, who.text.find(who.text.substr(9, 3))));

  reader longest{asked(3, 1000), 3};
  longest.open(at);
  run(at, longest, 200);
  CHECK(longest.finished == stream_finish::context);
  CHECK(longest.tokens.size() == context + 1 - 3);

  reader late{asked(4), 4};
  late.request.request.deadline = 5s;
  late.open(at);
  at.step();
  at.now += 6s;
  at.step();
  late.take(at.letters());
  CHECK(late.finished == stream_finish::deadline);
}

TEST_CASE("after a crash at any step every stream goes on where its reader is", "[streams][stream_table][P4]") {
  for (int crash = 0; crash < 24; ++crash) {
    world at;
    std::vector<reader> readers;
    for (std::uint64_t i = 1; i <= 3; ++i) {
      readers.push_back({asked(i, 18 + static_cast<std::uint32_t>(i)), i});
      readers.back().open(at);
    }
    for (int i = 0; i < crash; ++i) {
      at.step();
      const auto letters = at.letters();
      // What the first reader was sent last is lost on the way.
      for (reader& each : readers)
        if (i + 1 < crash || each.self != 1) each.take(letters);
      for (reader& each : readers)
        if (each.finished == stream_finish::none) each.ack(at);
    }
    at.boot();
    for (reader& each : readers) {
      each.self += 10;
      if (each.finished == stream_finish::none) each.open(at);
    }
    for (int i = 0; i < 60; ++i) {
      at.step();
      const auto letters = at.letters();
      for (reader& each : readers) {
        each.take(letters);
        if (each.finished == stream_finish::none) each.ack(at);
      }
    }
    for (reader& each : readers) {
      INFO("crash after step " << crash << ", stream " << each.request.id.low);
      CHECK(each.tokens == expected_tokens(each.request.request));
      CHECK(each.text.size() == each.tokens.size());
      CHECK(each.finished == stream_finish::length);
      CHECK(each.ends == 1);
    }
  }
}

TEST_CASE("streams of the log are computed on before their readers are back, as far as the window",
          "[streams][stream_table][P4]") {
  world at;
  reader who{asked(1, 40), 1};
  who.open(at);
  for (int i = 0; i < 4; ++i) at.step();
  who.take(at.letters());
  at.boot();
  for (int i = 0; i < 30; ++i) at.step();
  CHECK(at.made == 4 + at.limits.window);
  who.self = 2;
  who.open(at);
  run(at, who);
  CHECK(who.tokens == expected_tokens(who.request.request));
}

TEST_CASE("a server without its log begins again, and its client notices no difference", "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  for (int i = 0; i < 7; ++i) at.step();
  who.take(at.letters());
  who.ack(at);
  at.disk->bytes.clear();
  at.boot();
  who.self = 2;
  who.open(at);
  run(at, who);
  CHECK(who.tokens == expected_tokens(who.request.request));
  CHECK(who.text.size() == who.tokens.size());
}

TEST_CASE("a client is not given the end of another stream than the one it has begun to read",
          "[streams][stream_table][C4]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  for (int i = 0; i < 5; ++i) at.step();
  who.take(at.letters());
  SECTION("known to the server") {
    who.fingerprint ^= 1;
    who.open(at);
    who.take(at.letters());
  }
  SECTION("computed anew") {
    at.disk->bytes.clear();
    at.boot();
    who.request.request.sampling.seed = 77;  // as on a device with other kernels
    who.open(at);
    run(at, who);
  }
  CHECK(who.finished == stream_finish::failed);
  CHECK(who.failure.code() == errc::state_lost);
  CHECK(who.tokens.size() == 5);
}

TEST_CASE("another machine cannot go on with a stream", "[streams][stream_table]") {
  world at;
  reader who{asked(1), 1};
  who.open(at);
  at.step();
  who.take(at.letters());
  wire::key_hash other;
  other.bytes[0] = std::byte{1};
  at.table->open(2, other, who.request, at.now);
  reader thief{who.request, 2};
  thief.take(at.letters());
  CHECK(thief.finished == stream_finish::failed);
  CHECK(thief.tokens.empty());
  run(at, who);
  CHECK(who.tokens == expected_tokens(who.request.request));
}

TEST_CASE("a disk that fails at any call costs durability, which every answer says, and no token",
          "[streams][stream_table][S7]") {
  for (std::size_t fails_at = 2; fails_at < 30; ++fails_at) {
    world at;
    at.disk->calls = 2;
    at.disk->fails_at = fails_at;
    reader who{asked(1), 1};
    who.open(at);
    run(at, who);
    CHECK(who.tokens == expected_tokens(who.request.request));
    CHECK(who.finished == stream_finish::length);
    const bool failed = at.disk->calls > fails_at;
    CHECK(who.durable == !failed);
    CHECK(at.table->log_failure().has_value() == failed);
  }
}

TEST_CASE("random schedules of crashes, leaves, lost letters and slow readers repeat and lose no token",
          "[streams][stream_table][I2][I3]") {
  const auto seed = seed_of_this_run();
  for (std::uint64_t round = 0; round < 150; ++round) {
    INFO("TROUPE_TEST_SEED=" << seed << ", round " << round);
    random_source random(seed + round);
    world at;
    std::vector<reader> readers;
    client_id clients = 0;
    for (std::uint64_t i = 1; i <= 4; ++i)
      readers.push_back({asked(i, static_cast<std::uint32_t>(1 + random.below(40))), 0});
    std::set<std::uint64_t> connected;
    bool faults = true;
    for (int i = 0; i < 400; ++i) {
      faults = i < 150;
      if (faults && random.below(20) == 0) {
        at.boot();
        connected.clear();
      }
      for (reader& each : readers) {
        if (each.finished != stream_finish::none) continue;
        if (faults && random.below(15) == 0 && connected.erase(each.request.id.low) > 0) at.table->leave(each.self);
        if (!connected.contains(each.request.id.low) && (!faults || random.below(3) == 0)) {
          each.self = ++clients;
          each.open(at);
          connected.insert(each.request.id.low);
        }
      }
      at.step();
      const auto letters = at.letters();
      for (reader& each : readers) {
        if (!connected.contains(each.request.id.low)) continue;  // its letters are lost with its link
        each.take(letters);
        if (!faults || random.below(3) == 0) each.ack(at, each.finished != stream_finish::none);
      }
    }
    for (reader& each : readers) {
      REQUIRE(each.tokens == expected_tokens(each.request.request));
      REQUIRE(each.finished == stream_finish::length);
      REQUIRE(each.ends == 1);
    }
    REQUIRE(at.table->live() == 0);
  }
}
