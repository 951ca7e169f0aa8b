#include "troupe/engine/stop_matcher.hpp"

#include "support/check.hpp"

namespace {

using namespace troupe;
using namespace troupe::test;

/// What comes out of `text` in parts of `step` bytes, and whether it was stopped.
std::pair<std::string, bool> passed(const std::vector<std::string>& stops, std::string_view text, std::size_t step) {
  stop_matcher matcher = need(stop_matcher::make(stops));
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += step) out += matcher.add(text.substr(at, step));
  const bool stopped = matcher.stopped();
  return {out + matcher.finish(), stopped};
}

using outcome = std::pair<std::string, bool>;

}  // namespace

TEST_CASE("text ends before a stop string, however it is cut", "[sampling][stop]") {
  for (const std::size_t step : {1, 2, 3, 7, 100}) {
    CHECK(passed({"END"}, "one two END three", step) == outcome{"one two ", true});
    CHECK(passed({"END"}, "one ENtwo EN", step) == outcome{"one ENtwo EN", false});
    CHECK(passed({"aab"}, "aaaab", step) == outcome{"aa", true});
    CHECK(passed({"abab", "b!"}, "abaab!", step) == outcome{"abaa", true});
    // "bc" is complete before "abcd" is; of two that end together the longer one counts.
    CHECK(passed({"abcd", "bc"}, "xabcd", step) == outcome{"xa", true});
    CHECK(passed({"c", "abc"}, "xabc", step) == outcome{"x", true});
    CHECK(passed({}, "anything", step) == outcome{"anything", false});
    CHECK(passed({"\n\n"}, "a\nb\n\nc", step) == outcome{"a\nb", true});
    CHECK(passed({"ende"}, "ein ende", step) == outcome{"ein ", true});
  }
}

TEST_CASE("only what could become a stop string is held back", "[sampling][stop]") {
  stop_matcher matcher = need(stop_matcher::make({"</s>", "user:"}));
  CHECK(matcher.add("hello <") == "hello ");
  CHECK(matcher.add("/") == "");
  CHECK(matcher.add("b> us") == "</b> ");
  CHECK(matcher.add("e") == "");
  CHECK(matcher.add("d") == "used");
  CHECK(matcher.add(" </s> more") == " ");
  CHECK(matcher.stopped());
  CHECK(matcher.add("more") == "");
  CHECK(matcher.finish() == "");
}

TEST_CASE("random texts stop where a search finds the string", "[sampling][stop]") {
  random_source random(5);
  for (int round = 0; round < 500; ++round) {
    std::string stop, text;
    for (std::uint64_t n = 1 + random.below(5); n > 0; --n) stop.push_back(static_cast<char>('a' + random.below(2)));
    for (std::uint64_t n = random.below(60); n > 0; --n) text.push_back(static_cast<char>('a' + random.below(2)));
    const std::size_t at = text.find(stop);
    INFO(stop << " in " << text);
    CHECK(passed({stop}, text, 1 + random.below(5)) == outcome{text.substr(0, at), at != std::string::npos});
  }
}

TEST_CASE("stop strings that cannot be looked for are refused", "[sampling][stop]") {
  CHECK_FALSE(stop_matcher::make({""}));
  CHECK_FALSE(stop_matcher::make({"\xff"}));
  CHECK_FALSE(stop_matcher::make({std::string(2000, 'a')}));
  CHECK_FALSE(stop_matcher::make(std::vector<std::string>(1000, "a")));
}
