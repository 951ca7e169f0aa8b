#include "troupe/transport/address.hpp"

#include "support/check.hpp"
#include "troupe/transport/node_id.hpp"

using namespace troupe;
using namespace troupe::wire;
using troupe::test::need;

TEST_CASE("addresses are read in one spelling and written so that they can be read again") {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1:7300", "127.0.0.1:7300"},
      {"localhost:0", "127.0.0.1:0"},
      {"[::1]:65535", "[::1]:65535"},
      {"[0:0:0:0::1]:1", "[::1]:1"},
      {"192.168.1.2:80", "192.168.1.2:80"},
      {"example.org:80", "example.org:80"},
      {"cellar:1", "cellar:1"},
      {"gpu-2.local:7", "gpu-2.local:7"},
      {"[fe80:0::1%eth0]:5", "[fe80::1%eth0]:5"},
  };
  for (const auto& [given, shown] : cases) {
    INFO(given);
    const address parsed = need(parse_address(given));
    CHECK(parsed.to_string() == shown);
    CHECK(need(parse_address(parsed.to_string())) == parsed);
  }
}

TEST_CASE("what is not an address is refused with an example of one") {
  for (const char* text : {"",
                           ":",
                           "127.0.0.1",
                           "127.0.0.1:",
                           "127.0.0.1:65536",
                           "127.0.0.1:-1",
                           "127.0.0.1:80 ",
                           "::1:80",
                           "[::1]",
                           "[]:80",
                           "127.0.0.256:1",
                           "127.1:80",
                           "[127.0.0.1]:80",
                           "a\nb:1",
                           "a..b:1",
                           ".a:1",
                           "a b:1",
                           "a/b:1",
                           "a.1:1",
                           "[::1%]:1",
                           "[::1%a b]:1",
                           "[::1%sixteen_symbols_]:1",
                           "[a.org]:1"}) {
    INFO(text);
    const auto parsed = parse_address(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == errc::invalid_argument);
    CHECK(parsed.error().message().find("127.0.0.1:7300") != std::string::npos);
    CHECK(parsed.error().message().find('\n') == std::string::npos);
  }
  CHECK_FALSE(parse_address(std::string(10'000, '1') + ":1"));
}

TEST_CASE("loopback addresses and those of every interface are known without looking anything up") {
  for (const char* text : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "localhost:1"})
    CHECK(need(parse_address(text)).is_loopback());
  for (const char* text :
       {"0.0.0.0:1", "192.168.0.1:1", "[::]:1", "[fe80::1]:1", "128.0.0.1:1", "localhost.example.org:1", "a:1"})
    CHECK_FALSE(need(parse_address(text)).is_loopback());
  for (const char* text : {"0.0.0.0:1", "[::]:1"}) CHECK(need(parse_address(text)).is_wildcard());
  for (const char* text : {"127.0.0.1:1", "[::1]:1", "a:1"}) CHECK_FALSE(need(parse_address(text)).is_wildcard());
}

TEST_CASE("node ids differ and are shown as 32 digits") {
  const node_id a = need(make_node_id());
  const node_id b = need(make_node_id());
  CHECK(a != b);
  CHECK(a);
  CHECK_FALSE(node_id{});
  CHECK(to_string(node_id{1, 0xab}) == "000000000000000100000000000000ab");
}
