#include "troupe/transport/pairing_code.hpp"

#include <set>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;

TEST_CASE("a code is shown so that it can be typed again", "[pairing]") {
  std::set<char> used;
  for (int i = 0; i < 200; ++i) {
    const pairing_code drawn = need(pairing_code::draw());
    const std::string shown = drawn.shown();
    REQUIRE(shown.size() == 9);
    CHECK(shown[4] == '-');
    CHECK(shown.find_first_of("ILOUilou") == std::string::npos);
    CHECK(need(pairing_code::parse(shown)) == drawn);
    used.insert(drawn.password().begin(), drawn.password().end());
  }
  CHECK(used.size() == 32);  // 1600 symbols: that one is missing has a probability of 1e-20
}

TEST_CASE("codes are drawn anew each time", "[pairing]") {
  CHECK_FALSE(need(pairing_code::draw()) == need(pairing_code::draw()));
}

TEST_CASE("a code may be typed as people type", "[pairing]") {
  const pairing_code code = need(pairing_code::parse("10K3-9PQX"));
  for (const char* typed :
       {"10k3-9pqx", "10K39PQX", " 10K3 9PQX ", "IOK3-9PQX", "lok3-9pqx", "iok39pqx", "1-0-K-3-9-P-Q-X"})
    CHECK(need(pairing_code::parse(typed)) == code);
}

TEST_CASE("what is not a code is refused without repeating it", "[pairing]") {
  for (const char* typed : {"", "--", "8W2R-5T", "8W2R-5TBHH", "8W2R-5TBU", "8W2R_5TBH", "8W2R-5TB\n",
                            "\xc3\xa4"
                            "8W2R5TB"}) {
    const auto parsed = pairing_code::parse(typed);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_argument);
    if (*typed) CHECK(parsed.error().message().find(typed) == std::string::npos);
  }
  CHECK_FALSE(pairing_code::parse(std::string(100'000, '7')));
}
