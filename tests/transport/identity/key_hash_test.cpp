#include "troupe/transport/key_hash.hpp"

#include <set>

#include "support/check.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

wire::key_hash counted() {
  wire::key_hash key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::byte>(i * 9);
  return key;
}

}  // namespace

TEST_CASE("the hash of a key is written as 64 digits and read back", "[identity]") {
  const std::string text = wire::to_string(counted());
  CHECK(text == "0009121b242d363f48515a636c757e879099a2abb4bdc6cfd8e1eaf3fc050e17");
  CHECK(need(wire::parse_key_hash(text)) == counted());
  CHECK(need(wire::parse_key_hash("0009121B242D363F48515A636C757E879099A2ABB4BDC6CFD8E1EAF3FC050E17")) == counted());
}

TEST_CASE("what is not the hash of a key is refused", "[identity]") {
  const std::string proper = wire::to_string(counted());
  for (const std::string& text : {std::string(), proper.substr(1), proper + "0", "g" + proper.substr(1),
                                  std::string(64, '0'), proper + std::string(1 << 20, '1')}) {
    const auto parsed = wire::parse_key_hash(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_argument);
    CHECK(parsed.error().message().size() < 300);
  }
}

TEST_CASE("the short name of a key has eight symbols that people do not confuse", "[identity]") {
  CHECK(wire::short_name(wire::key_hash()) == "aaaaaaaa");
  wire::key_hash last;
  last.bytes.fill(std::byte{255});
  CHECK(wire::short_name(last) == "99999999");
  std::set<std::string> names;
  random_source random(7);
  for (int i = 0; i < 1000; ++i) {
    wire::key_hash key;
    for (std::byte& each : key.bytes) each = static_cast<std::byte>(random.below(256));
    const std::string name = wire::short_name(key);
    CHECK(name.size() == 8);
    CHECK(name.find_first_of("lo01") == std::string::npos);
    names.insert(name);
  }
  CHECK(names.size() == 1000);
}
